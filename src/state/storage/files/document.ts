import { z } from "zod";
import { messageOf, TidemarkError } from "../../../errors.ts";
import { parseCursor } from "../../../model/cursor.ts";
import { ExactNumber } from "../../../model/exact-number.ts";
import { parseJson, stringifyJson } from "../../../model/json.ts";
import { type CursorRange, emptyPosition, encodePosition } from "../../../model/position.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { readInterval, readStreamRow, streamFields } from "../../codec.ts";
import { fromJson, toJson } from "../../derive/table.ts";
import type { StreamRow } from "../../rows.ts";
import { newRow } from "../../step-rules.ts";
import { streams } from "../../tables.ts";
import { withEditedCursor } from "./edited-cursor.ts";
import type { PartitionFiles } from "./partition-files.ts";

/** The format of the file around the rows; the position inside has a number of its own. */
const documentFormat = 4;

const documentSchema = z.strictObject({
  tidemark_state: z.int().positive(),
  connector: z.string(),
  stream: z.string(),
  live: z.record(z.string(), z.unknown()),
  backfills: z.record(z.string(), z.record(z.string(), z.unknown())),
  backfilled: z.array(z.unknown()).default([]),
  /** Absent in format 1, as `backfilled` is. */
  partitions: z.record(z.string(), z.unknown()).default({}),
  log: z.int().positive().default(1),
  log_bytes: z.int().nonnegative(),
  /** Absent before format 3. */
  listed: z.boolean().default(false),
});
const formatSchema = z.looseObject({ tidemark_state: z.int() });

/** What a person writes by hand to start a pipeline at a chosen position. */
const seedNumber = z.union([z.string(), z.number(), z.instanceof(ExactNumber)]);
const seedSchema = z
  .strictObject({
    timestamp: z.string().optional(),
    id: seedNumber.optional(),
    offset: seedNumber.optional(),
  })
  .refine((seed) => Object.values(seed).some((value) => value !== undefined));

/** A stream's file. */
export interface StateDocument {
  readonly key: StreamKey;
  readonly rows: ReadonlyMap<string, StreamRow>;
  /** What finished backfills covered of the stream as a whole. */
  readonly backfilled: readonly CursorRange[];
  /** The partition file contents of the last write that moved partitions. */
  readonly moved: PartitionFiles;
  /** Which log goes with it, since a log is written anew when runs are deleted, and how much of it counts. */
  readonly log: number;
  readonly logBytes: number;
  /** Whether the folder's list of streams has it for sure. */
  readonly isListed: boolean;
  /** Nothing was written for the stream yet: files next to it belong to an earlier stream that was removed. */
  readonly isNew: boolean;
}

/** A stream without a file. */
export function newDocument(key: StreamKey): StateDocument {
  const rows = new Map<string, StreamRow>();
  return { key, rows, backfilled: [], moved: new Map(), log: 1, logBytes: 0, isListed: false, isNew: true };
}

/** The document as text that people can read. */
export function encodeDocument(document: StateDocument): string {
  const live = document.rows.get("");
  const backfills = [...document.rows].filter(([scope]) => scope !== "");
  const { connector, stream } = document.key;
  return `${JSON.stringify(
    {
      tidemark_state: documentFormat,
      connector,
      stream,
      live: live === undefined ? {} : columnsOf(live),
      backfills: Object.fromEntries(backfills.map(([scope, row]) => [scope, columnsOf(row)])),
      backfilled: document.backfilled,
      partitions: Object.fromEntries(document.moved),
      log: document.log,
      log_bytes: document.logBytes,
      listed: document.isListed,
    },
    null,
    2,
  )}\n`;
}

export interface Decoding {
  readonly now: number;
  /** The watermark with which a log ends, of so many bytes. */
  readonly logged: (log: number, bytes: number) => string | null;
}

/**
 * Reads a stream's file: one of ours, or a seed such as `{"timestamp": "2026-01-01T00:00:00Z"}`.
 * Throws `STATE_TOO_NEW`, and `STATE_UNREADABLE` for everything else (promise P10).
 */
export function decodeDocument(
  text: string,
  key: StreamKey,
  file: string,
  { now, logged }: Decoding,
): StateDocument {
  const json = parse(text, file);
  if (typeof json === "object" && json !== null && !("tidemark_state" in json))
    return seeded(json, key, file, now);
  const { data: known } = formatSchema.safeParse(json);
  if (known !== undefined && known.tidemark_state > documentFormat) {
    throw new TidemarkError(
      "STATE_TOO_NEW",
      `${file}: the file has format ${known.tidemark_state}; this version reads up to ${documentFormat}`,
    );
  }
  const parsed = documentSchema.safeParse(json);
  if (!parsed.success) throw documentUnreadable(file, z.prettifyError(parsed.error));
  const {
    connector,
    stream,
    live,
    backfills,
    backfilled,
    partitions,
    log,
    log_bytes: logBytes,
    listed: isListed,
  } = parsed.data;
  if (connector !== key.connector || stream !== key.stream) {
    throw documentUnreadable(
      file,
      `it is the state of ${connector}/${stream}, not of ${key.connector}/${key.stream}`,
    );
  }
  const scopes = Object.entries(backfills);
  if (Object.keys(live).length > 0) {
    scopes.unshift(["", withEditedCursor(live, () => logged(log, logBytes), { file, removal })]);
  }
  const rows = new Map(scopes.map(([scope, columns]) => [scope, rowOf(columns, key, scope, file)]));
  const moved = new Map(Object.entries(partitions));
  return {
    key,
    rows,
    backfilled: backfilled.map((raw) => readInterval(raw, file)),
    moved,
    log,
    logBytes,
    isListed,
    isNew: false,
  };
}

/** Which stream a file says it is of; null for a seed, which does not say. */
export function keyOfDocument(text: string): StreamKey | null {
  const parsed = z.looseObject({ connector: z.string(), stream: z.string() }).safeParse(jsonOf(text));
  return parsed.success ? { connector: parsed.data.connector, stream: parsed.data.stream } : null;
}

/** Undefined where it is not JSON; reading the stream then reports it. */
function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function parse(text: string, file: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw documentUnreadable(file, "it is not JSON", cause);
  }
}

function seeded(json: object, key: StreamKey, file: string, now: number): StateDocument {
  const parsed = seedSchema.safeParse(json);
  if (!parsed.success) throw documentUnreadable(file, seedProblem(json));
  const { timestamp, id, offset } = parsed.data;
  try {
    const leading =
      timestamp !== undefined
        ? parseCursor("timestamp_utc", timestamp)
        : id !== undefined
          ? parseCursor("numeric_id", id)
          : parseCursor("offset", offset);
    const secondaryCursors =
      timestamp !== undefined && id !== undefined ? { id: parseCursor("numeric_id", id).value } : {};
    const row = newRow(key, "", leading.type, now);
    const position = { ...emptyPosition, watermark: leading.value, secondaryCursors };
    return { ...newDocument(key), rows: new Map([["", { ...row, position }]]) };
  } catch (cause) {
    throw documentUnreadable(file, `${messageOf(cause)}; ${seedForm}`, cause);
  }
}

/** What is wrong with a file that somebody wrote by hand, and what it has to be. */
function seedProblem(json: object): string {
  const names = Object.keys(json);
  const wrong = names.filter((name) => !["timestamp", "id", "offset"].includes(name));
  if (names.length === 0) return `it is an empty object; ${seedForm}`;
  if (wrong.length > 0) return `it has ${wrong.map((name) => `\`${name}\``).join(", ")}; ${seedForm}`;
  const [name = "timestamp"] = names.filter((each) => !isSeedValue(each, Reflect.get(json, each)));
  const given = stringifyJson(Reflect.get(json, name));
  if (name !== "timestamp") return `\`${name}\` is ${given}; ${seedForm}`;
  const number = Number(given);
  const meant = [1, 1000]
    .map((unit) => new Date(number * (1000 / unit)))
    .filter(
      (date) => !Number.isNaN(date.getTime()) && date.getUTCFullYear() > 1971 && date.getUTCFullYear() < 2200,
    )
    .map((date) => `"${date.toISOString()}"`);
  const likely = meant.length === 0 ? "" : `; ${given} may stand for ${meant.join(" or ")}`;
  return `\`timestamp\` is ${given}; it must be ISO 8601 text such as "2026-01-01T00:00:00Z"${likely}`;
}

function isSeedValue(name: string, value: unknown): boolean {
  return name === "timestamp" ? typeof value === "string" : seedNumber.safeParse(value).success;
}

const seedForm =
  'a file written by hand is such as {"timestamp": "2026-01-01T00:00:00Z"}, {"id": 4711} or {"offset": 200}';

function columnsOf(row: StreamRow): Record<string, unknown> {
  const {
    connector: _,
    stream: __,
    scope: ___,
    ...columns
  } = toJson(streams, streamFields(row, encodePosition(row.position)));
  return columns;
}

function rowOf(columns: Record<string, unknown>, key: StreamKey, scope: string, file: string): StreamRow {
  return readStreamRow({ ...fromJson(streams, columns), ...key, scope }, null, file);
}

const removal = "To start over on purpose, remove the file.";

export function documentUnreadable(file: string, why: string, cause?: unknown): TidemarkError {
  return new TidemarkError("STATE_UNREADABLE", `${file}: the state cannot be read: ${why}`, {
    cause,
    hint: `Fix the file or restore it. ${removal}`,
  });
}
