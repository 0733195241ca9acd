import { readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { TidemarkError } from "../../../errors.ts";
import type { CursorType } from "../../../model/cursor.ts";
import { parseJson } from "../../../model/json.ts";
import { type CursorRange, encodePosition } from "../../../model/position.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { compareTexts } from "../../../model/text-order.ts";
import { partitionFields, readInterval, readPartitionRow } from "../../codec.ts";
import { fromJson, toJson } from "../../derive/table.ts";
import { editedPartitionPosition } from "../../partition-edits.ts";
import { backfillOfScope, type PartitionRow } from "../../rows.ts";
import { partitions } from "../../tables.ts";
import { replaceFiles } from "./durable.ts";
import { withEditedCursor } from "./edited-cursor.ts";
import { fileName, isShortened } from "./names.ts";

/**
 * Partition files. Each partition, and what backfills covered of each, has a small file of its own, next to the file of
 * its stream.
 *
 * A write that moves partitions touches several files, and must be whole or absent. The stream's main file is its
 * commit point and its redo log: it holds the new content of every partition file that the write changes. The next
 * write that moves partitions first copies that content into place, makes it durable, and then replaces the main file.
 * A crash in between leaves the main file as it was, and the copy is made again. A reader takes the content from the
 * main file where it has one, and from the partition file otherwise. A partition that moves with each write is written
 * once per write.
 */
export type PartitionFiles = ReadonlyMap<string, unknown>;

/** The format of these files; the position inside has a number of its own. */
const partitionFormat = 2;

/** A stream's name never has a tilde in its file's. */
export function partitionsFolder(base: string): string {
  return `${base}~partitions`;
}

/** Where the partitions of a stream, or of a backfill, are in it. */
export function partitionFolder(scope: string): string {
  return scope === "" ? "live" : `backfill/${fileName(backfillOfScope(scope))}`;
}

export function partitionPath(scope: string, partition: string): string {
  return `${partitionFolder(scope)}/${fileName(partition)}.json`;
}

export const backfilledFolder = "backfilled";

export function backfilledPath(partition: string): string {
  return `${backfilledFolder}/${fileName(partition)}.json`;
}

/** A file's content; null where there is none. Throws `STATE_UNREADABLE`. */
export function readPartitionFile(base: string, path: string): unknown {
  const file = join(partitionsFolder(base), path);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  try {
    return parseJson(text);
  } catch (cause) {
    throw unreadable(file, "it is not JSON", cause);
  }
}

export function writePartitionFiles(base: string, contents: PartitionFiles): void {
  const folder = partitionsFolder(base);
  replaceFiles(
    [...contents].map(([path, content]) => [join(folder, path), `${JSON.stringify(content, null, 2)}\n`]),
  );
}

/** Removes a folder in it, or all of it. */
export function removePartitionFiles(base: string, path = ""): void {
  rmSync(join(partitionsFolder(base), path), { recursive: true, force: true });
}

/** The names of the partitions that have a file in that folder, in their order. */
export function partitionNamesIn(base: string, inFolder: string, moved: PartitionFiles): string[] {
  const paths = new Set([...moved.keys()].filter((path) => path.startsWith(`${inFolder}/`)));
  for (const name of filesIn(join(partitionsFolder(base), inFolder))) paths.add(`${inFolder}/${name}`);
  const names = [...paths].map((path) => {
    const stem = path.slice(inFolder.length + 1, -".json".length);
    if (!isShortened(stem)) return decodeURIComponent(stem);
    const content = moved.get(path) ?? readPartitionFile(base, path);
    return parse(named, content, join(partitionsFolder(base), path)).partition;
  });
  return names.sort(compareTexts);
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".json"));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

const named = z.looseObject({ tidemark_partition: z.int().positive(), partition: z.string() });
const backfilledSchema = named.extend({ reset_epoch: z.int(), coverage: z.array(z.unknown()) });
/** The scope is called `lane` in format 1. */
const partitionSchema = named
  .extend({
    connector: z.string(),
    stream: z.string(),
    scope: z.string().optional(),
    lane: z.string().optional(),
    logged_cursor: z.unknown().optional(),
  })
  .transform(({ lane, ...columns }) => ({ ...columns, scope: columns.scope ?? lane }));

/** `inPlace`: what the partition's file holds now. */
export function partitionContent(row: PartitionRow, inPlace: unknown): unknown {
  return {
    tidemark_partition: partitionFormat,
    ...toJson(partitions, partitionFields(row, encodePosition(row.position))),
    // Next to the two that people edit, for a partition whose rows of the audit log all lie in an archive.
    ...(row.scope === "" ? { logged_cursor: row.position.watermark } : {}),
    ...(row.scope === "" ? { replaces: watermarksIn(inPlace) } : {}),
  };
}

const editable = z.object({
  cursor_value: z.unknown(),
  logged_cursor: z.unknown(),
  position: z.looseObject({ watermark: z.unknown() }),
  position_epoch: z.unknown(),
  position_sequence: z.unknown(),
});

/**
 * The watermark of a partition's file in all its places, with the identifier of its write; null where there is none.
 */
function watermarksIn(inPlace: unknown): string | null {
  const parsed = editable.safeParse(inPlace);
  if (!parsed.success) return null;
  const { cursor_value: value, logged_cursor: logged, position, ...tag } = parsed.data;
  return JSON.stringify([value, position.watermark, logged, tag.position_epoch, tag.position_sequence]);
}

/** An identifier of the hand edit in one or both copies of the watermark; null where there is none. */
function editIn(inPlace: unknown): string | null {
  const parsed = editable.safeParse(inPlace);
  if (!parsed.success || parsed.data.logged_cursor === undefined) return null;
  const { cursor_value: value, logged_cursor: logged, position } = parsed.data;
  return value === logged && position.watermark === logged ? null : watermarksIn(inPlace);
}

const writtenOver = z.looseObject({
  replaces: z.string().nullable().optional(),
  /** What an older version wrote in the place of `replaces`, where there was an edit. */
  taken_edit: z.string().optional(),
});

/**
 * Whether a file was edited by hand after the stream's file got newer content for it. The edited file may then stay for
 * one more write.
 */
export function isUntakenEdit(inPlace: unknown, content: unknown): boolean {
  const { replaces, taken_edit: taken } = writtenOver.safeParse(content).data ?? {};
  if (replaces === undefined) {
    const edit = editIn(inPlace);
    return edit !== null && edit !== taken;
  }
  const found = watermarksIn(inPlace);
  // A crash may have put the content in place already.
  return found !== null && found !== replaces && found !== watermarksIn(content);
}

export interface PartitionPlace {
  readonly key: StreamKey;
  readonly scope: string;
  readonly partition: string;
  readonly cursorType: CursorType | null;
  readonly file: string;
  /** The watermark that the log ends with; undefined where it does not know. */
  readonly logged: () => string | null | undefined;
}

export function partitionOf(content: unknown, of: PartitionPlace): PartitionRow {
  const { file } = of;
  const columns = parse(partitionSchema, content, file);
  const { connector, stream, scope, partition } = columns;
  const isOther = connector !== of.key.connector || stream !== of.key.stream || scope !== of.scope;
  if (isOther || partition !== of.partition) {
    throw unreadable(file, `it is of partition "${partition}" of ${connector}/${stream}`);
  }
  if (scope !== "") return readColumns(columns, file);
  const written = z.string().nullable().optional().safeParse(columns.logged_cursor);
  const inLog = of.logged();
  const logged = inLog === undefined ? written.data : inLog;
  const typed = { ...columns, cursor_type: of.cursorType };
  const edited = withEditedCursor(typed, () => logged ?? null, { file, removal: removal(file) });
  const row = readColumns(edited, file);
  return logged === undefined || row.position.watermark === logged
    ? row
    : withWatermark({ ...row, position: { ...row.position, watermark: logged } }, row);
}

/** A partition as the log has it, with the watermark that somebody gave it. */
export function withWatermark(row: PartitionRow, edited: PartitionRow): PartitionRow {
  const { watermark } = edited.position;
  const logged = row.logged === undefined ? row.position.watermark : row.logged;
  return { ...row, logged, position: editedPartitionPosition(row.position, watermark) };
}

function readColumns(columns: Readonly<Record<string, unknown>>, file: string): PartitionRow {
  return readPartitionRow(fromJson(partitions, columns), null, file);
}

/** `resetEpoch` is the live stream's: coverage from before it was started over is invalid. */
export function backfilledContent(
  partition: string,
  coverage: readonly CursorRange[],
  resetEpoch: number,
): unknown {
  return { tidemark_partition: partitionFormat, partition, reset_epoch: resetEpoch, coverage: [...coverage] };
}

export function backfilledOf(
  content: unknown,
  partition: string,
  resetEpoch: number,
  file: string,
): readonly CursorRange[] {
  const stored = parse(backfilledSchema, content, file);
  if (stored.partition !== partition) throw unreadable(file, `it is of partition "${stored.partition}"`);
  if (stored.reset_epoch !== resetEpoch) return [];
  return stored.coverage.map((raw) => readInterval(raw, file));
}

function parse<T extends z.infer<typeof named>>(schema: z.ZodType<T>, content: unknown, file: string): T {
  const parsed = schema.safeParse(content);
  const { data: known } = named.safeParse(content);
  if (known !== undefined && known.tidemark_partition > partitionFormat) {
    throw new TidemarkError(
      "STATE_TOO_NEW",
      `${file}: the file has format ${known.tidemark_partition}; this version reads up to ${partitionFormat}`,
    );
  }
  if (!parsed.success) throw unreadable(file, z.prettifyError(parsed.error));
  return parsed.data;
}

function removal(file: string): string {
  return basename(dirname(file)) === backfilledFolder
    ? "To go on without it, remove it: what backfills covered of the partition is forgotten."
    : "Or remove the file: the partition then has the position in the stream's own file or the output, and starts over if neither has one. " +
        'To start it over on purpose, remove the file and then run: tidemark state reset CONNECTOR STREAM --partition NAME --reason "…".';
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function unreadable(file: string, why: string, cause?: unknown): TidemarkError {
  return new TidemarkError("STATE_UNREADABLE", `${file}: the state cannot be read: ${why}`, {
    cause,
    hint: `Fix the file or restore it. ${removal(file)} What cannot be read is not changed by \`state set\` or \`reset\`.`,
  });
}
