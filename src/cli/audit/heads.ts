import { readFile } from "node:fs/promises";
import { z } from "zod";
import { messageOf } from "../../errors.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import type { StateStore } from "../../state/contract.ts";
import { invalidArgument } from "../failure.ts";
import { print, printJson, shown } from "../terminal.ts";
import { pagesOf } from "../views.ts";

/**
 * The number and hash of the last row of a stream's log, to be stored outside the reach of those who can write the
 * state.
 */
export interface AuditHead {
  readonly key: StreamKey;
  readonly number: number;
  readonly hash: string;
}

/** The heads of one stream or of all, those of streams that never moved left out. */
export async function* auditHeads(state: StateStore, key: StreamKey | null): AsyncIterable<AuditHead> {
  if (key !== null) {
    const head = await headOf(state, key);
    if (head !== null) yield head;
    return;
  }
  for await (const page of pagesOf((options) => state.list(options), Number.POSITIVE_INFINITY)) {
    for (const { key: each } of page) {
      const head = await headOf(state, each);
      if (head !== null) yield head;
    }
  }
}

async function headOf(state: StateStore, key: StreamKey): Promise<AuditHead | null> {
  const { items } = await state.audit({ key, order: "newest", limit: 1 });
  const [last] = items;
  return last === undefined ? null : { key, number: last.number, hash: last.hash };
}

/** Prints one stream's head as `NUMBER:HASH`, and those of all as the lines of a file that `--pinned` takes. */
export async function printHeads(state: StateStore, key: StreamKey | null, json: boolean): Promise<void> {
  for await (const { key: of, number, hash } of auditHeads(state, key)) {
    if (key !== null && !json) await print(`${number}:${hash}\n`);
    else await printJson({ connector: of.connector, stream: of.stream, number, hash });
  }
}

const lineSchema = z.strictObject({
  connector: z.string(),
  stream: z.string(),
  number: z.int().positive(),
  hash: z.string(),
});

/** Reads `--pinned`: a head as it was printed, or a file of them. */
export async function readPinned(pinned: string, key: StreamKey | null): Promise<AuditHead[]> {
  const head = /^(\d+):([0-9a-f]{64})$/.exec(pinned);
  if (head !== null) {
    if (key !== null) return [{ key, number: Number(head[1]), hash: head[2] ?? "" }];
    throw invalidArgument("a pinned head is given and no stream", "Name the stream that it is of.");
  }
  const lines = (await textOf(pinned)).split("\n").filter((line) => line.trim() !== "");
  const heads = lines.map((line, index) => parseLine(line, `${pinned}:${index + 1}`));
  return key === null ? heads : heads.filter((each) => formatStreamKey(each.key) === formatStreamKey(key));
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw invalidArgument(
      `--pinned ${shown(file)} is no head, and no file that can be read: ${messageOf(error)}`,
      "Give what `tidemark audit --heads` printed, or the file that it was put into.",
    );
  }
}

function parseLine(line: string, place: string): AuditHead {
  try {
    const { connector, stream, number, hash } = lineSchema.parse(JSON.parse(line));
    return { key: { connector, stream }, number, hash };
  } catch {
    throw invalidArgument(`${place} is no head`, "Give the lines as `tidemark audit --heads` printed them.");
  }
}
