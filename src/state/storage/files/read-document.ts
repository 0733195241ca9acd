import { existsSync, readFileSync } from "node:fs";
import type { Clock } from "../../../clock.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { utf8Text } from "../../../utf8.ts";
import type { AuditRecord } from "../../contract.ts";
import { newRow } from "../../step-rules.ts";
import { decodeDocument, documentUnreadable, newDocument, type StateDocument } from "./document.ts";
import { logFile, logsOf, newestAudit, readLog } from "./log.ts";
import { wholeLines } from "./stream-files.ts";

/** A stream's file. A stream whose file was removed starts over; its log goes on, since an audit log is never cut. */
export function readDocument(key: StreamKey, base: string, clock: Clock): StateDocument {
  const stored = storedDocument(key, base, clock);
  if (stored !== null && !stored.isNew) return stored;
  const begun = stored ?? newDocument(key);
  const [newest] = logsOf(base)
    .map((number) => ({ number, lines: readLog(logFile(base, number), key, null) }))
    .sort((a, b) => b.lines.audit.length - a.lines.audit.length || b.number - a.number);
  if (newest === undefined) return begun;
  const { number: log, lines } = newest;
  if (lines.audit.length === 0 && lines.runs.length === 0) return { ...begun, log };
  const { number, hash } = lines.audit.at(-1) ?? lines.archived;
  const row = begun.rows.get("") ?? newRow(key, "", null, clock.now());
  const continued = { ...row, auditNumber: number, auditHead: hash };
  const logBytes = wholeLines(logFile(base, log));
  return { ...begun, rows: new Map([["", continued]]), log, logBytes };
}

/** The same, without reading the files next to it; null where there is no file. */
export function storedDocument(key: StreamKey, base: string, clock: Clock): StateDocument | null {
  const file = `${base}.json`;
  if (!existsSync(file)) return null;
  const isOwn = (record: AuditRecord): boolean => record.partition === null;
  const text = utf8Text(readFileSync(file));
  if (text === null) throw documentUnreadable(file, "it is no text in UTF-8");
  return decodeDocument(text, key, file, {
    now: clock.now(),
    logged: (log, bytes) => newestAudit(logFile(base, log), key, bytes, isOwn)?.newCursor ?? null,
  });
}
