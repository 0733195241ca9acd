import { z } from "zod";
import { TidemarkError } from "../errors.ts";
import {
  type CursorRange,
  decodePosition,
  encodePosition,
  type Position,
  type TieMember,
} from "../model/position.ts";
import { formatStreamKey } from "../model/stream-key.ts";
import type { AuditRecord, PositionTag } from "./contract.ts";
import { decode, parseStored, unreadableHint } from "./derive/table.ts";
import type { PartitionRow, RunRow, StreamRow } from "./rows.ts";
import { isCanonical } from "./step-rules.ts";
import {
  type AuditFields,
  audit,
  type PartitionFields,
  partitions,
  type RunFields,
  runs,
  type StreamFields,
  streams,
} from "./tables.ts";

/** Converts between rows in memory, whose key and position are objects, and flat rows of the tables. */

/** The fields of a stream's table. `position`: its text, where it is not that of the stored position. */
export function streamFields(row: StreamRow, position = positionText(storedPositionOf(row))): StreamFields {
  const { key, positionTag, positionWatermark: _, ...fields } = row;
  return { ...fields, ...key, ...tagFields(positionTag), cursorValue: row.position.watermark, position };
}

/** One field of `streamFields`, for a writer that compares two rows. */
export function streamField(row: StreamRow, field: keyof StreamFields, position: string): unknown {
  switch (field) {
    case "connector":
    case "stream":
      return row.key[field];
    case "positionEpoch":
      return row.positionTag.epoch;
    case "positionSequence":
      return row.positionTag.sequence;
    case "cursorValue":
      return row.position.watermark;
    case "position":
      return position;
    default:
      return row[field];
  }
}

export function partitionFields(row: PartitionRow, position = positionText(row.position)): PartitionFields {
  const { key, positionTag, positionWatermark: _, logged: __, removed: ___, ...fields } = row;
  return { ...fields, ...key, ...tagFields(positionTag), cursorValue: row.position.watermark, position };
}

export function runFields({ key, ...fields }: RunRow): RunFields {
  return { ...fields, ...key };
}

/** One field of `runFields`. */
export function runField(run: RunRow, field: keyof RunFields): unknown {
  return field === "connector" || field === "stream" ? run.key[field] : run[field];
}

export function auditFields({ key, ...fields }: AuditRecord): AuditFields {
  return { ...fields, ...key };
}

function tagFields({ epoch, sequence }: PositionTag): { positionEpoch: number; positionSequence: number } {
  return { positionEpoch: epoch, positionSequence: sequence };
}

/** The part of a position that is kept in one value; the tie set and coverage are rows of their own. */
export function positionText(position: Position): string {
  return encodePosition({ ...position, tieSet: [], coverage: [] });
}

/** The position to store with the row. A step that is not compared with the log keeps an edited watermark as it is. */
export function storedPositionOf({ position, positionWatermark }: StreamRow): Position {
  return positionWatermark === undefined ? position : { ...position, watermark: positionWatermark };
}

export function readStreamRow(raw: unknown, childRows: PositionParts | null, holder: string): StreamRow {
  const fields = decode(streams, raw, holder);
  const { connector, stream, cursorValue, positionEpoch, positionSequence, ...rest } = fields;
  const name = `${holder}: ${formatStreamKey(fields)}`;
  // Only the file of a stream that has not begun yet holds an epoch of 0.
  if (childRows !== null && rest.epoch === 0) {
    throw new TidemarkError(
      "STATE_UNREADABLE",
      `${name}: the epoch is 0, and a stored stream counts from 1`,
      {
        hint: unreadableHint,
      },
    );
  }
  const found = watermarksOf(fields, childRows, name);
  for (const watermark of new Set([found.position.watermark, found.positionWatermark ?? cursorValue])) {
    if (watermark === null || isCanonical(fields.cursorType, watermark)) continue;
    throw new TidemarkError(
      "STATE_UNREADABLE",
      `${name}: the watermark "${watermark}" is no ${fields.cursorType ?? "cursor of a known type"}`,
      { hint: unreadableHint },
    );
  }
  return { ...rest, ...found, key: { connector, stream }, positionTag: tagOf(fields) };
}

/** As `readStreamRow`; the type of a partition's cursors is its stream's. */
export function readPartitionRow(
  raw: unknown,
  childRows: PositionParts | null,
  holder: string,
): PartitionRow {
  const fields = decode(partitions, raw, holder);
  const { connector, stream, cursorValue: _, positionEpoch: __, positionSequence: ___, ...rest } = fields;
  const name = `${holder}: partition "${fields.partition}" of ${formatStreamKey(fields)}`;
  const found = watermarksOf(fields, childRows, name);
  return { ...rest, ...found, key: { connector, stream }, positionTag: tagOf(fields) };
}

type PositionFields = Pick<
  StreamFields,
  "scope" | "cursorValue" | "position" | "positionEpoch" | "positionSequence"
>;

function tagOf({ positionEpoch, positionSequence }: PositionFields): PositionTag {
  return { epoch: positionEpoch, sequence: positionSequence };
}

/** The position with the watermark of its column, and the one inside the stored position where that is another. */
function watermarksOf(
  fields: PositionFields,
  childRows: PositionParts | null,
  name: string,
): Pick<StreamRow, "position" | "positionWatermark"> {
  // The log shows which of two watermarks was edited. Backfills have no log, and files look it up while they are read.
  const isCompared = fields.scope === "" && childRows !== null;
  const stored = storedPosition(fields, childRows, name, isCompared);
  if (!isCompared || stored.watermark === fields.cursorValue) return { position: stored };
  return {
    position: { ...stored, watermark: fields.cursorValue },
    positionWatermark: stored.watermark,
  };
}

/** The parts of a position that are stored apart from its JSON. */
interface PositionParts {
  readonly tieSet: readonly TieMember[];
  readonly coverage: readonly CursorRange[];
}

function storedPosition(
  fields: PositionFields,
  childRows: PositionParts | null,
  name: string,
  mayDiffer = false,
): Position {
  const stored = decodePosition(fields.position, name);
  if (!mayDiffer && stored.watermark !== fields.cursorValue) {
    throw new TidemarkError(
      "STATE_UNREADABLE",
      `${name}: cursor_value is ${fields.cursorValue} and the position says ${stored.watermark}`,
      {
        hint: "It was edited by hand: put cursor_value back, then change it with `tidemark state set`, which is audited.",
      },
    );
  }
  if (childRows === null) return stored;
  return { ...stored, tieSet: [...childRows.tieSet], coverage: [...childRows.coverage] };
}

/** A run with its number in the history, which files do not store. */
export function readRunRow(raw: unknown, holder: string): { number: number; run: RunRow } {
  const { connector, stream, ...fields } = decode(runs, raw, holder);
  const { number } = parseStored(numbered, raw, holder);
  return { number, run: { ...fields, key: { connector, stream } } };
}

export function readAuditRecord(raw: unknown, holder: string): AuditRecord {
  const { connector, stream, ...fields } = decode(audit, raw, holder);
  return { ...fields, key: { connector, stream } };
}

const numbered = z.object({ number: z.int() });
const tieMember = z.object({ identity: z.string(), cursor: z.string(), count: z.int().positive() });
const interval = z.object({ lower: z.string().nullable(), upper: z.string() });

export function readTieMember(raw: unknown, holder: string): TieMember {
  return parseStored(tieMember, raw, holder);
}

export function readInterval(raw: unknown, holder: string): CursorRange {
  return parseStored(interval, raw, holder);
}
