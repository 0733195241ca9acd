import type { StreamKey } from "../../../model/stream-key.ts";
import { noLink } from "../../chain-link.ts";
import { type ComparedRow, isForgotten, loaded, ofStream } from "../../compared-row.ts";
import { confirmedByAct, needsOwn, outsideChange, stateEdited, takeEdit } from "../../outside.ts";
import type { EditPolicy } from "../../rows.ts";
import type { Found, PostgresRows } from "./rows.ts";

/** As `comparedRow`, of a live stream's row that is locked, or is not there. Throws `STATE_EDITED`. */
export async function comparedFound(
  rows: PostgresRows,
  key: StreamKey,
  { row: stored, now }: Pick<Found, "row" | "now">,
  edits: EditPolicy,
): Promise<ComparedRow> {
  const [last = null] = await rows.listNewestAudit({ key, before: null, limit: 1 });
  const own = needsOwn(stored, last) ? await rows.logs.last(key) : ofStream(last);
  const quick = { last, own, archived: noLink, listed: false };
  if (stored !== null && outsideChange(stored, quick) === null) return loaded(stored);
  const archived = await rows.logs.archivedTo(key);
  const end = { ...quick, archived: archived ?? noLink, listed: archived !== null };
  const change = outsideChange(stored, end);
  // A row that was not there may be another's by now: then the insert finds out.
  const isMade = stored === null && (await rows.read(key, "")).row !== null;
  if (change === null || isMade || (edits === "take" && isForgotten(stored, end))) return loaded(stored);
  if (edits === "refuse") throw stateEdited(key, change);
  const [newest] = await rows.listRuns(key, { before: null, limit: 1 });
  const how = { now, reason: confirmedByAct, epoch: newest?.run.epoch ?? 0 };
  return { stored, ...takeEdit(stored, key, end, change, how), change };
}
