import { createReadStream, existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { OutputReader } from "../../engine/ports.ts";
import { messageOf, TidemarkError } from "../../errors.ts";
import { parseJson } from "../../model/json.ts";
import { isRecord, type SourceRecord } from "../../model/record.ts";
import { lengthRow, nameRow, seriesVersion } from "./offsets-tables.ts";
import { type FilePlace, isTemplate } from "./path-template.ts";
import { changedHint } from "./seal.ts";

const recordsAPage = 2_000;

/** A file, and how much of it is committed. */
interface CommittedFile {
  readonly path: string;
  readonly length: number;
}

/** Opens a file of JSON lines, or a series of them, for reading, up to what is committed. */
export function openFileReader(place: FilePlace): OutputReader {
  const files = committedFiles(place);
  return {
    key: null,
    wholeRecords: true,
    has: () => true,
    rows: (_paths, signal) => allRecords(files, signal),
    close: async () => {},
  };
}

/** Bytes after a committed length come from a crash. */
function committedFiles(place: FilePlace): readonly CommittedFile[] {
  const offsets = join(place.offsetsFolder, "ledger.db");
  const files = existsSync(offsets)
    ? filesOf(offsets, place)
    : isTemplate(place.text)
      ? []
      : unknown(place.text);
  if (files.length === 0) {
    throw new TidemarkError("OUTPUT_UNAVAILABLE", `${place.text}: there is no such file`, {
      hint: "It is made by the stream's first run.",
    });
  }
  for (const { path, length } of files) {
    if (length === 0 || existsSync(path)) continue;
    throw new TidemarkError(
      "OUTPUT_UNAVAILABLE",
      `${path} is gone, but ${length} bytes were committed to it`,
      {
        hint: "Put the file back to read all that was delivered.",
      },
    );
  }
  return files;
}

/** A file without sink offsets is read completely. */
function unknown(path: string): readonly CommittedFile[] {
  return existsSync(path) ? [{ path, length: statSync(path).size }] : [];
}

const fileRows = z.array(nameRow.extend(lengthRow.shape));

function filesOf(offsets: string, place: FilePlace): readonly CommittedFile[] {
  try {
    const database = new DatabaseSync(offsets, { readOnly: true, timeout: 5_000 });
    try {
      const isOld = Number(database.prepare("PRAGMA user_version").get()?.user_version) < seriesVersion;
      const table = isOld
        ? "SELECT '' AS name, length FROM file"
        : "SELECT name, length FROM files ORDER BY rowid";
      const rows = fileRows.parse(database.prepare(table).all());
      return rows.map(({ name, length }) => ({ path: place.fileOf(name), length }));
    } finally {
      database.close();
    }
  } catch (cause) {
    throw new TidemarkError("STATE_UNREADABLE", `${offsets}: ${messageOf(cause)}`, { cause });
  }
}

async function* allRecords(
  files: readonly CommittedFile[],
  signal: AbortSignal,
): AsyncGenerator<readonly SourceRecord[]> {
  for (const file of files) yield* records(file, signal);
}

async function* records(
  { path: file, length }: CommittedFile,
  signal: AbortSignal,
): AsyncGenerator<readonly SourceRecord[]> {
  if (length === 0) return;
  const input = createReadStream(file, { end: length - 1, signal, highWaterMark: 1 << 20 });
  let page: SourceRecord[] = [];
  let line = 0;
  try {
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      line += 1;
      if (text.trim() !== "") page.push(recordOf(text, file, line));
      if (page.length < recordsAPage) continue;
      yield page;
      page = [];
    }
  } catch (error) {
    if (error instanceof TidemarkError || signal.aborted) throw error;
    throw new TidemarkError("OUTPUT_UNAVAILABLE", `${file}: ${messageOf(error)}`, {
      cause: error,
      hint: "Check that the file can be read, and compare again.",
    });
  } finally {
    input.destroy();
  }
  if (page.length > 0) yield page;
}

function recordOf(text: string, file: string, line: number): SourceRecord {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw broken(`${file}:${line} is no JSON: ${messageOf(cause)}`, cause);
  }
  if (isRecord(value)) return value;
  throw broken(`${file}:${line} holds no JSON object`);
}

/** Only Tidemark writes lines up to the committed length, and it writes complete ones. */
function broken(message: string, cause?: unknown): TidemarkError {
  const hint = `Nothing was compared: something else has changed the file. ${changedHint} Then compare again.`;
  return new TidemarkError("OUTPUT_FAILED", message, { cause, hint });
}
