import { open, rm } from "node:fs/promises";
import { auditRecordToWire } from "../../api/contracts/history.ts";
import { messageOf } from "../../errors.ts";
import { stringifyJson } from "../../model/json.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import { privateMode } from "../../private-files.ts";
import { auditHash } from "../../state/audit.ts";
import type { AuditRecord, StateStore } from "../../state/contract.ts";
import { invalidArgument } from "../failure.ts";
import { counted } from "../format.ts";
import { print, printJson, shown } from "../terminal.ts";
import { pagesOf } from "../views.ts";
import { recordsIn } from "./evidence.ts";
import { auditHeads } from "./heads.ts";

/** The last row of a log in the archive. */
interface Archived {
  readonly key: StreamKey;
  readonly number: number;
  readonly hash: string;
}

/** Makes an archive and says what is in it. */
export async function archive(
  state: StateStore,
  key: StreamKey | null,
  { file, before, json }: { readonly file: string; readonly before: string; readonly json: boolean },
): Promise<void> {
  const { rows, streams } = await archiveRows(state, key, { file, before });
  if (json) return printJson({ archived: rows, streams, file: rows === 0 ? null : file });
  const where = rows === 0 ? "nothing is that old" : shown(file);
  await print(`archived  ${counted(rows, "row")} of ${counted(streams, "stream")}: ${where}\n`);
}

/**
 * Moves the rows from before a time into a new file: writes them durably, reads them back, and only then removes them
 * from the state. If it is interrupted, it can be repeated into another file without loss. The last row of each log
 * stays.
 */
export async function archiveRows(
  state: StateStore,
  key: StreamKey | null,
  { file, before }: { readonly file: string; readonly before: string },
): Promise<{ rows: number; streams: number }> {
  // Only an intact log is archived; a broken log is kept for inspection.
  await state.verifyAudit(key === null ? {} : { key });
  const { ends, rows } = await write(state, key, file, before);
  await confirm(file, rows);
  for (const { key: of, number, hash } of ends) await state.archiveAudit(of, { number, hash });
  if (rows === 0) await rm(file);
  return { rows, streams: ends.length };
}

async function write(
  state: StateStore,
  key: StreamKey | null,
  file: string,
  before: string,
): Promise<{ ends: Archived[]; rows: number }> {
  const handle = await open(file, "wx", privateMode).catch((error: unknown) => {
    throw invalidArgument(
      `${shown(file)} cannot be made: ${messageOf(error)}`,
      "Name a file that is not there yet, in a folder that can be written.",
    );
  });
  const ends: Archived[] = [];
  let rows = 0;
  try {
    for await (const head of auditHeads(state, key)) {
      let last: AuditRecord | null = null;
      for await (const page of rowsBefore(state, head.key, head.number, before)) {
        await handle.write(page.map((row) => `${stringifyJson(auditRecordToWire(row))}\n`).join(""));
        last = page.at(-1) ?? last;
        rows += page.length;
      }
      if (last !== null) ends.push({ key: head.key, number: last.number, hash: last.hash });
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { ends, rows };
}

/** A log's first rows from before a time, without its last row. */
async function* rowsBefore(
  state: StateStore,
  key: StreamKey,
  end: number,
  before: string,
): AsyncIterable<readonly AuditRecord[]> {
  const pages = pagesOf((options) => state.audit({ ...options, key }), Number.POSITIVE_INFINITY);
  for await (const page of pages) {
    const until = page.findIndex(({ number, atUtc }) => number >= end || atUtc >= before);
    if (until !== 0) yield until === -1 ? page : page.slice(0, until);
    if (until !== -1) return;
  }
}

/** Reads the file back: each row, and each that goes on from the one before it, has to be as its hash says. */
async function confirm(file: string, rows: number): Promise<void> {
  let found = 0;
  let last: AuditRecord | null = null;
  for await (const row of recordsIn(file)) {
    found++;
    const goesOn = last?.key.connector === row.key.connector && last.key.stream === row.key.stream;
    if (goesOn && last !== null && row.hash !== auditHash(last.hash, row)) break;
    last = row;
  }
  if (found === rows) return;
  throw invalidArgument(
    `${shown(file)} does not hold what was written to it; the state keeps all rows`,
    "Look at the disk, then archive into another file.",
  );
}
