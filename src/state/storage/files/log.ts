import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { z } from "zod";
import { TidemarkError } from "../../../errors.ts";
import { parseJson, stringifyJson } from "../../../model/json.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { narrow, privateMode } from "../../../private-files.ts";
import { syncFolder } from "../../../sync-folder.ts";
import { auditFields, readAuditRecord, readRunRow, runFields } from "../../codec.ts";
import type { AuditRecord } from "../../contract.ts";
import { encode } from "../../derive/table.ts";
import { type ChainLink, noLink } from "../../hash-chain.ts";
import type { RunRow } from "../../rows.ts";
import { audit, runs } from "../../tables.ts";

/**
 * A stream's history and audit log: one JSON line for each run as it began and as it ended, and for
 * each audited act. Lines beyond the length that the stream's file commits to do not count.
 */
export interface LogLines {
  /** Runs in the order in which they began, each as its last line has it. */
  readonly runs: readonly { readonly number: number; readonly run: RunRow }[];
  readonly audit: readonly AuditRecord[];
  /** Up to where the audit log was moved into an archive. */
  readonly archived: ChainLink;
}

const lineSchema = z.union([
  z.strictObject({ run: z.record(z.string(), z.unknown()) }),
  z.strictObject({ audit: z.record(z.string(), z.unknown()) }),
  z.strictObject({ archived: z.strictObject({ number: z.int(), hash: z.string() }) }),
]);

/**
 * The file of a stream's n-th log. Deleting runs makes a new log, and the stream's file, which names the
 * one that counts, is what makes the change.
 */
export function logFile(base: string, log: number): string {
  return log === 1 ? `${base}.log.jsonl` : `${base}.log-${log}.jsonl`;
}

/** The numbers of all logs that a stream has. */
export function logsOf(base: string): number[] {
  const folder = dirname(base);
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const log = name.startsWith(basename(base))
      ? /^\.log(?:-(\d+))?\.jsonl$/.exec(name.slice(basename(base).length))
      : null;
    return log === null ? [] : [Number(log[1] ?? 1)];
  });
}

/** Removes logs that a later one replaced. */
export function removeLogsBefore(base: string, log: number): void {
  for (const older of logsOf(base)) if (older < log) rmSync(logFile(base, older), { force: true });
}

/** The committed lines of a log, but for those of some runs. */
export function linesWithout(file: string, bytes: number, runIds: ReadonlySet<string>): string[] {
  return committedLines(file, bytes).filter((line, index) => {
    const entry = parseLine(line, `${file}:${index + 1}`);
    return !("run" in entry) || !runIds.has(String(entry.run.run_id));
  });
}

/** The committed lines of a log that is moved into an archive up to a row, whose number and hash take their place. */
export function linesAfter(file: string, bytes: number, archived: ChainLink): string[] {
  const kept = committedLines(file, bytes).filter((line, index) => {
    const entry = parseLine(line, `${file}:${index + 1}`);
    return "audit" in entry ? Number(entry.audit.number) > archived.number : "run" in entry;
  });
  return [stringifyJson({ archived: { number: archived.number, hash: archived.hash } }), ...kept];
}

/**
 * The last audit row in the committed part that is asked for, without a look at more of the file than needed: from
 * its end back.
 */
export function newestAudit(
  file: string,
  key: StreamKey,
  bytes: number,
  isAsked: (record: AuditRecord) => boolean,
): AuditRecord | null {
  for (let end = bytes; end > 0; ) {
    const { lines, begins } = auditLinesBefore(file, end);
    for (const line of lines.toReversed()) {
      const record = readAuditRecord({ ...parseAuditLine(line, file), ...key }, file);
      if (isAsked(record)) return record;
    }
    end = begins;
  }
  return null;
}

/** The columns of an audit row, as a line has them. */
export type RawAudit = z.infer<typeof rawAudit>;

const rawAudit = z.looseObject({ partition: z.string().optional(), action: z.string() });

/** The audit lines of a byte range of the committed part that ends at a line's end, and where the first line begins. */
export function auditLinesBefore(
  file: string,
  end: number,
): { readonly lines: readonly string[]; readonly begins: number } {
  assertUncut(file, end);
  return reading(file, (handle) => {
    for (let step = stepBack; ; step *= 2) {
      const start = Math.max(0, end - step);
      const text = bytesOf(handle, start, end);
      // The first line of what was read may have begun before it.
      const whole = start === 0 ? 0 : text.indexOf("\n") + 1;
      if (whole === text.length && start > 0) continue;
      return { lines: auditLines(text.subarray(whole)), begins: start + whole };
    }
  });
}

const stepBack = 65_536;

/** The audit lines in a byte range of the committed part that begins and ends at line ends. */
export function* auditLinesBetween(file: string, from: number, to: number): Generator<string> {
  assertUncut(file, to);
  let rest: Buffer = Buffer.alloc(0);
  for (let start = from; start < to; start += longestRead) {
    const read = reading(file, (handle) => bytesOf(handle, start, Math.min(start + longestRead, to)));
    const text = Buffer.concat([rest, read]);
    const whole = text.lastIndexOf("\n") + 1;
    yield* auditLines(text.subarray(0, whole));
    rest = text.subarray(whole);
  }
}

const longestRead = 4_194_304;

/** Up to where the audit log was moved into an archive: its first line says so. */
export function archivedTo(file: string, bytes: number): ChainLink {
  assertUncut(file, bytes);
  if (bytes === 0) return noLink;
  const text = reading(file, (handle) => bytesOf(handle, 0, Math.min(bytes, longestFirst))).toString("utf8");
  if (!text.startsWith('{"archived"')) return noLink;
  const entry = parseLine(text.slice(0, text.indexOf("\n")), `${file}:1`);
  return "archived" in entry ? entry.archived : noLink;
}

const longestFirst = 1_024;

function auditLines(text: Buffer): string[] {
  return text
    .toString("utf8")
    .split("\n")
    .filter((line) => line.startsWith('{"audit"'));
}

function reading<T>(file: string, read: (handle: number) => T): T {
  const handle = openSync(file, "r");
  try {
    return read(handle);
  } finally {
    closeSync(handle);
  }
}

function bytesOf(handle: number, from: number, to: number): Buffer {
  const read = Buffer.alloc(to - from);
  readSync(handle, read, 0, read.length, from);
  return read;
}

/** A log may be long: its values are not looked at before they are asked for. */
export function parseAuditLine(line: string, file: string): RawAudit {
  try {
    return rawAuditLine.parse(JSON.parse(line)).audit;
  } catch (cause) {
    throw unreadable(file, "it is no line of the log", cause);
  }
}

/** The partition that a line is about. Most lines of a long log are older than those that are asked for, and not read whole. */
export function partitionIn(line: string, file: string): string | null {
  if (!line.includes('"partition":')) return null;
  const [, name] = partitionAtEnd.exec(line) ?? [];
  return name ?? parseAuditLine(line, file).partition ?? null;
}

/** A plain name, in the place where it is written. */
const partitionAtEnd = /"partition":"([^"\\]*)","hash":"[0-9a-f]*"\}\}$/;

const rawAuditLine = z.object({ audit: rawAudit });

function assertUncut(file: string, bytes: number): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size < bytes) throw unreadable(file, `${bytes} bytes were committed and ${size} are there`);
}

/** Reads the committed part; `bytes` null takes all whole lines, where no file says how much counts. */
export function readLog(file: string, key: StreamKey, bytes: number | null): LogLines {
  const stat = statSync(file, { throwIfNoEntry: false });
  const length = bytes ?? stat?.size ?? 0;
  assertUncut(file, length);
  const runs = new Map<string, { number: number; run: RunRow }>();
  const audit: AuditRecord[] = [];
  let archived = noLink;
  for (const [index, line] of committedLines(file, length).entries()) {
    const entry = parseLine(line, `${file}:${index + 1}`);
    if ("audit" in entry) audit.push(readAuditRecord({ ...entry.audit, ...key }, file));
    else if ("archived" in entry) archived = entry.archived;
    else {
      const { run } = readRunRow({ ...entry.run, ...key, number: 0 }, file);
      runs.set(run.runId, { number: runs.get(run.runId)?.number ?? runs.size + 1, run });
    }
  }
  return { runs: [...runs.values()], audit, archived };
}

function committedLines(file: string, length: number): string[] {
  if (length === 0) return [];
  const lines = readFileSync(file).subarray(0, length).toString("utf8").split("\n");
  // What follows the last line break is a line that was cut off.
  lines.pop();
  return lines;
}

/** Appends lines after the committed length, cutting off what a crash left there; returns the new length. */
export function appendLog(file: string, committed: number, lines: readonly string[]): number {
  const text = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  const handle = openSync(file, "a+", privateMode);
  try {
    narrow(file);
    ftruncateSync(handle, committed);
    for (let written = 0; written < text.length; ) written += writeSync(handle, text, written);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  // A new file must be durable in its folder before another file refers to it.
  if (committed === 0) syncFolder(dirname(file));
  return committed + text.length;
}

export function runLine(run: RunRow): string {
  const { connector: _, stream: __, ...columns } = encode(runs, runFields(run));
  return stringifyJson({ run: columns });
}

export function auditLine(record: AuditRecord): string {
  const { connector: _, stream: __, partition, hash, ...columns } = encode(audit, auditFields(record));
  // In this order, by which `partitionIn` finds the partition without reading the whole line.
  return stringifyJson({ audit: { ...columns, ...(partition === null ? {} : { partition }), hash } });
}

function parseLine(line: string, place: string): z.infer<typeof lineSchema> {
  try {
    return lineSchema.parse(parseJson(line));
  } catch (cause) {
    throw unreadable(place, "it is no line of the log", cause);
  }
}

function unreadable(place: string, why: string, cause?: unknown): TidemarkError {
  return new TidemarkError("STATE_UNREADABLE", `${place}: the history cannot be read: ${why}`, {
    cause,
    hint: "Restore the file. To start over on purpose, remove it together with the stream's state file.",
  });
}
