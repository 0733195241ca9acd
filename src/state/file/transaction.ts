import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../../clock.ts";
import { compareStreamKeys, type StreamKey } from "../../model/stream-key.ts";
import type { AuditRecord } from "../contract.ts";
import { newRow } from "../lifecycle.ts";
import type { Place } from "../listing.ts";
import type { RowTransaction } from "../row-store.ts";
import type { RunRow, StreamRow } from "../rows.ts";
import { decodeDocument, encodeDocument, keyOfDocument, type StateDocument } from "./document.ts";
import { appendLog, auditLine, type LogLines, readLog, runLine } from "./log.ts";
import { baseOf } from "./names.ts";

const endedBackfillsKept = 20;

/** One look at the folder: each file is read once, and written, whole, when the work has returned. */
export class FileTransaction implements RowTransaction {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #documents = new Map<string, StateDocument>();
  readonly #logs = new Map<string, LogLines>();
  readonly #changed = new Map<string, StateDocument>();
  readonly #lines = new Map<string, string[]>();

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  load(key: StreamKey, lane: string): StreamRow | null {
    return this.#document(key).rows.get(lane) ?? null;
  }

  save(row: StreamRow): void {
    const base = baseOf(this.#folder, row.key);
    const before = this.#changed.get(base) ?? this.#document(row.key);
    const rows = new Map(before.rows).set(row.lane, row);
    // A backfill that has ended is history; the oldest rows of such have nothing more to keep.
    const ended = [...rows].filter(([lane, { status }]) => lane !== "" && status !== "running");
    for (const [lane] of ended.slice(0, -endedBackfillsKept)) rows.delete(lane);
    this.#changed.set(base, { ...before, rows });
  }

  saveRun(run: RunRow): void {
    this.#append(run.key, runLine(run));
  }

  loadRun(key: StreamKey, runId: string): RunRow | null {
    return this.#log(key).runs.find(({ run }) => run.runId === runId)?.run ?? null;
  }

  appendAudit(record: AuditRecord): void {
    this.#append(record.key, auditLine(record));
  }

  listStreams(options: { after: StreamKey | null; limit: number; connector: string | null }): StreamRow[] {
    const { after, limit, connector } = options;
    return this.#keys()
      .filter((key) => connector === null || key.connector === connector)
      .filter((key) => after === null || compareStreamKeys(key, after) > 0)
      .flatMap((key) => this.load(key, "") ?? [])
      .slice(0, limit);
  }

  listRuns(
    key: StreamKey,
    options: { before: number | null; limit: number },
  ): { number: number; run: RunRow }[] {
    return this.#log(key)
      .runs.filter(({ number }) => options.before === null || number < options.before)
      .toReversed()
      .slice(0, options.limit);
  }

  listAudit(options: { key: StreamKey | null; after: Place | null; limit: number }): AuditRecord[] {
    const { key, after, limit } = options;
    const keys = key === null ? this.#keys() : [key];
    const found: AuditRecord[] = [];
    for (const candidate of keys) {
      const order = after === null ? 1 : compareStreamKeys(candidate, after.key);
      if (order < 0) continue;
      found.push(
        ...this.#log(candidate).audit.filter(({ number }) => order > 0 || number > (after?.number ?? 0)),
      );
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  /** First the log's new lines, then the file that makes them count. */
  commit(): void {
    for (const [base, document] of this.#changed) {
      const lines = this.#lines.get(base) ?? [];
      mkdirSync(dirname(base), { recursive: true });
      const logBytes =
        lines.length === 0 ? document.logBytes : appendLog(`${base}.log.jsonl`, document.logBytes, lines);
      replaceFile(`${base}.json`, encodeDocument({ ...document, logBytes }));
    }
  }

  #append(key: StreamKey, line: string): void {
    const base = baseOf(this.#folder, key);
    this.#lines.set(base, [...(this.#lines.get(base) ?? []), line]);
  }

  #document(key: StreamKey): StateDocument {
    const base = baseOf(this.#folder, key);
    let document = this.#documents.get(base);
    if (document === undefined) {
      document = this.#read(key, base);
      this.#documents.set(base, document);
    }
    return document;
  }

  /** A stream whose file was removed starts over; its log goes on, since an audit log is never cut. */
  #read(key: StreamKey, base: string): StateDocument {
    const file = `${base}.json`;
    const stored = existsSync(file)
      ? decodeDocument(readFileSync(file, "utf8"), key, file, this.#clock.now())
      : null;
    if (stored !== null && stored.logBytes > 0) return stored;
    const log = readLog(`${base}.log.jsonl`, key, null);
    if (log.audit.length === 0 && log.runs.length === 0)
      return stored ?? { key, rows: new Map(), logBytes: 0 };
    const last = log.audit.at(-1);
    const row = stored?.rows.get("") ?? newRow(key, "", null, this.#clock.now());
    const continued = { ...row, auditNumber: last?.number ?? 0, auditHead: last?.hash ?? "" };
    return { key, rows: new Map([["", continued]]), logBytes: wholeLines(`${base}.log.jsonl`) };
  }

  #log(key: StreamKey): LogLines {
    const base = baseOf(this.#folder, key);
    let log = this.#logs.get(base);
    if (log === undefined) {
      log = readLog(`${base}.log.jsonl`, key, this.#document(key).logBytes);
      this.#logs.set(base, log);
    }
    return log;
  }

  /** Every stream with a file, in the order of connector and stream. */
  #keys(): StreamKey[] {
    if (!existsSync(this.#folder)) return [];
    const files = readdirSync(this.#folder, { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".json"),
    );
    return files
      .flatMap((name) => {
        const file = join(this.#folder, name);
        return keyOfDocument(readFileSync(file, "utf8"), file) ?? seedKey(name);
      })
      .sort(compareStreamKeys);
  }
}

/** The stream that a seed written by hand is of, by its file's name. */
function seedKey(name: string): StreamKey {
  const [connector = "", stream] = name.slice(0, -".json".length).split(/[\\/]/).map(decodeURIComponent);
  return { connector, stream: stream ?? "default" };
}

function wholeLines(file: string): number {
  return readFileSync(file).lastIndexOf("\n") + 1;
}

/** The new text takes the old one's place at once and for good, or not at all. */
function replaceFile(file: string, text: string): void {
  const draft = `${file}.${process.pid}.new`;
  writeFileSync(draft, text, { flush: true });
  renameSync(draft, file);
  const folder = openSync(dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
