import { createReadStream, existsSync, realpathSync, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import type { OutputReader } from "../../engine/ports.ts";
import { messageOf, TidemarkError } from "../../errors.ts";
import { parseJson } from "../../model/json.ts";
import { isRecord, type SourceRecord } from "../../model/record.ts";

const recordsAPage = 2_000;

/** Opens a file of JSON lines for reading, up to what is committed to it. */
export function openFileReader(path: string, ledgerOf: (path: string) => string): OutputReader {
  if (!existsSync(path)) {
    throw new TidemarkError("OUTPUT_UNAVAILABLE", `${path}: there is no such file`, {
      hint: "It is made by the stream's first run.",
    });
  }
  const file = realpathSync(path);
  return {
    key: null,
    wholeRecords: true,
    has: () => true,
    rows: (_paths, signal) => records(file, ledgerOf(file), signal),
    close: async () => {},
  };
}

async function* records(
  file: string,
  ledger: string,
  signal: AbortSignal,
): AsyncGenerator<readonly SourceRecord[]> {
  const length = committedLength(file, ledger);
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
    throw new TidemarkError("OUTPUT_UNAVAILABLE", `${file}: ${messageOf(error)}`, { cause: error });
  } finally {
    input.destroy();
  }
  if (page.length > 0) yield page;
}

/** What stands behind the committed length are a crash's remains. */
function committedLength(file: string, ledger: string): number {
  const { size } = statSync(file);
  if (!existsSync(ledger)) return size;
  const database = new DatabaseSync(ledger, { readOnly: true, timeout: 5_000 });
  try {
    const length = Number(database.prepare("SELECT length FROM file").get()?.length);
    return Math.min(size, Number.isSafeInteger(length) ? length : size);
  } catch (cause) {
    throw new TidemarkError("STATE_UNREADABLE", `${ledger}: ${messageOf(cause)}`, { cause });
  } finally {
    database.close();
  }
}

function recordOf(text: string, file: string, line: number): SourceRecord {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new TidemarkError("OUTPUT_FAILED", `${file}:${line} is no JSON: ${messageOf(cause)}`, { cause });
  }
  if (isRecord(value)) return value;
  throw new TidemarkError("OUTPUT_FAILED", `${file}:${line} holds no JSON object`);
}
