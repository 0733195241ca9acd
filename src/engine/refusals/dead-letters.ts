import { hash } from "node:crypto";
import { readCursorValue } from "../../model/cursor.ts";
import { contentHash } from "../../model/identity.ts";
import { stringifyJson } from "../../model/json.ts";
import { isRecord, valueAt } from "../../model/record.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import { redact } from "../../secrets.ts";
import type { DeadLetter, Incremental, Input, LetterStage, Pipeline, Refusal } from "../ports.ts";

/** The stream of the letters, and how the records' cursors are read. */
export interface LetterSource extends Pick<Pipeline, "name" | "key"> {
  readonly input: CursorSource;
}

interface CursorSource extends Pick<Input, "kind"> {
  readonly incremental: Pick<Incremental, "cursors">;
}

export interface LetterOccasion {
  readonly time: string;
  readonly run: string | null;
  readonly partition: string | null;
  /** What refused the record. */
  readonly by: string | null;
}

/** The letter of a refused record. */
export function letterOf(
  { record, reason, stage = "output" }: Refusal,
  { name, key, input }: LetterSource,
  { time, run, partition, by }: LetterOccasion,
): DeadLetter {
  const { field, status } = reason.details ?? {};
  return {
    id: letterId(key, { partition, stage, record }),
    time,
    pipeline: name,
    connector: key.connector,
    stream: key.stream,
    partition,
    run,
    stage,
    by,
    code: reason.code,
    field: typeof field === "string" ? field : null,
    status: typeof status === "number" ? status : null,
    reason: redact(reason.message),
    cursor: leadingCursorOf(record, input),
    record,
  };
}

/** The record's leading cursor in its canonical form; null where it has none that can be read. */
export function leadingCursorOf(record: unknown, { incremental }: CursorSource): string | null {
  const [leading] = incremental.cursors;
  if (leading === undefined || leading.path === null || !isRecord(record)) return null;
  const value = valueAt(record, leading.path);
  if (value === null || value === undefined) return null;
  try {
    return readCursorValue(leading.type, value, leading.format);
  } catch {
    return null;
  }
}

interface Lettered {
  readonly partition: string | null;
  readonly stage: LetterStage;
  readonly record: unknown;
}

/** The id of a letter: the same for the same content, independent of the order of fields. */
export function letterId({ connector, stream }: StreamKey, { partition, stage, record }: Lettered): string {
  const place = partition === null ? [connector, stream] : [connector, stream, partition];
  const text = stringifyJson([...place, stage, nameOfContent(record)]);
  const id = hash("sha256", text, "base64url").slice(0, 22);
  // It must not look like an option on a command line.
  return id.replace(/^-/, "_");
}

/** A text that is equal for two refused records exactly when their content is equal. */
export function nameOfContent(record: unknown): string {
  try {
    return contentHash(isRecord(record) ? record : { value: record });
  } catch {
    // Too deeply nested to walk; the part that can be printed identifies it.
    return String(record);
  }
}
