import { z } from "zod";
import { messageOf, TidemarkError } from "../../errors.ts";
import { type CursorType, cursorTypes, parseCursor } from "../../model/cursor.ts";
import { parseJson, stringifyJson } from "../../model/json.ts";
import { isPlainObject } from "../../model/plain-object.ts";
import { decodePosition } from "../../model/position.ts";
import { formatStreamKey, streamNameProblem } from "../../model/stream-key.ts";
import type { Metadata } from "../../state/contract.ts";
import type { ExportedStream } from "../../state/exported.ts";
import { invalidArgument } from "../failure.ts";

/** The version of the file that this version writes, and the newest that it reads. */
const fileVersion = 1;

const name = z.string().superRefine((text, context) => {
  const problem = streamNameProblem(text);
  if (problem !== null) context.addIssue({ code: "custom", message: `cannot be used as a name: ${problem}` });
});

const position = z.looseObject({ format: z.int().positive() });
const ranges = z.array(z.strictObject({ lower: z.string().nullable(), upper: z.string() }));

const entrySchema = z.strictObject({
  connector: name,
  stream: name,
  cursor_type: z.enum(cursorTypes).nullable(),
  position,
  metadata: z.custom<Metadata>(isPlainObject, "has to be an object").nullable(),
  backfilled: ranges.optional(),
  partitions: z
    .array(z.strictObject({ partition: name, position, backfilled: ranges.optional() }))
    .optional(),
});

const fileSchema = z.strictObject({
  tidemark_state: z.int().positive(),
  streams: z.array(z.unknown()),
});

/** The text before the first entry of an export, between two, and after the last. */
export const exportFrame = {
  start: `{"tidemark_state":${fileVersion},"streams":[`,
  between: ",",
  end: "\n]}\n",
} as const;

/** One stream as a line of an export. The position is kept as JSON, so that people can read it. */
export function formatEntry(exported: ExportedStream): string {
  const { connector, stream, cursorType, position, metadata, backfilled, partitions } = exported;
  const entry = {
    connector,
    stream,
    cursor_type: cursorType,
    position: JSON.parse(position),
    metadata,
    ...(backfilled === undefined ? {} : { backfilled }),
    ...(partitions === undefined
      ? {}
      : { partitions: partitions.map((part) => ({ ...part, position: JSON.parse(part.position) })) }),
  };
  return `\n${stringifyJson(entry)}`;
}

/**
 * Reads an export whole. Throws `ARGUMENT_INVALID` naming every entry that could not be imported, so
 * that nothing is imported in part, and `STATE_TOO_NEW` for a file of a newer version.
 */
export function parseExport(text: string, file: string): ExportedStream[] {
  const parsed = fileSchema.safeParse(readJson(text, file));
  if (!parsed.success) throw wrongFile(file, z.prettifyError(parsed.error));
  if (parsed.data.tidemark_state > fileVersion) {
    throw new TidemarkError(
      "STATE_TOO_NEW",
      `${file}: the export has version ${parsed.data.tidemark_state}; this version reads up to ${fileVersion}`,
    );
  }
  const problems: string[] = [];
  const streams = new Map<string, ExportedStream>();
  parsed.data.streams.forEach((raw, index) => {
    try {
      const entry = parseEntry(raw);
      const id = JSON.stringify([entry.connector, entry.stream]);
      if (streams.has(id)) throw new Error(`${formatStreamKey(entry)} is in the file twice`);
      streams.set(id, entry);
    } catch (error) {
      problems.push(`streams[${index}]: ${messageOf(error)}`);
    }
  });
  if (problems.length > 0) throw wrongEntries(file, problems);
  return [...streams.values()];
}

function readJson(text: string, file: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw wrongFile(file, `it is not JSON: ${messageOf(error)}`);
  }
}

function parseEntry(raw: unknown): ExportedStream {
  const parsed = entrySchema.safeParse(raw);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  const { connector, stream, cursor_type: cursorType, metadata, backfilled, partitions } = parsed.data;
  const holder = formatStreamKey({ connector, stream });
  return {
    connector,
    stream,
    cursorType,
    position: checkedPosition(parsed.data.position, cursorType, holder),
    metadata,
    ...(backfilled === undefined ? {} : { backfilled }),
    ...(partitions === undefined
      ? {}
      : {
          partitions: partitions.map(({ partition, position: at, backfilled: covered }) => ({
            partition,
            position: checkedPosition(at, cursorType, `${holder}, partition ${partition}`),
            ...(covered === undefined ? {} : { backfilled: covered }),
          })),
        }),
  };
}

/** A position as text, once it is known that it can be read and that its watermark is the type's. */
function checkedPosition(
  raw: z.infer<typeof position>,
  cursorType: CursorType | null,
  holder: string,
): string {
  const text = stringifyJson(raw);
  const { watermark } = decodePosition(text, holder);
  if (watermark === null) return text;
  if (cursorType === null) throw new Error(`${holder} has a watermark and no cursor_type`);
  if (parseCursor(cursorType, watermark).value !== watermark)
    throw new Error(`the watermark ${watermark} of ${holder} is not written as a ${cursorType} is`);
  return text;
}

function wrongFile(file: string, why: string): TidemarkError {
  return invalidArgument(
    `${file} is not an export of state: ${why}`,
    "Give a file that `tidemark state export` wrote.",
  );
}

const mostShown = 20;

function wrongEntries(file: string, problems: readonly string[]): TidemarkError {
  const shown = problems.slice(0, mostShown);
  const rest = problems.length - shown.length;
  return new TidemarkError(
    "ARGUMENT_INVALID",
    `${file} holds entries that cannot be imported: ${shown.join("; ")}${rest > 0 ? `; and ${rest} more` : ""}`,
    { hint: "Nothing was imported. Fix or remove these entries.", details: { problems } },
  );
}
