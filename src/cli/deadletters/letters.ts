import { statSync } from "node:fs";
import type { Command } from "commander";
import type { DeadLetter, DeadLetterStore, LetterEntry, LettersFound } from "../../engine/ports.ts";
import { lettersOf } from "../../engine/refusals/replay.ts";
import { isRecord } from "../../model/record.ts";
import { DeadLetterBook } from "../../outputs/dead-letters/dead-letter-book.ts";
import { recordName } from "../../outputs/dead-letters/record-name.ts";
import type { LoadedPipeline } from "../../pipeline/check.ts";
import { invalidArgument } from "../failure.ts";
import { counted } from "../format.ts";
import { type Params, takesParams } from "../params.ts";
import { loadForRun } from "../run/load.ts";
import { note, shown } from "../terminal.ts";

export interface LettersOptions {
  readonly param: Params;
  readonly json: boolean;
  /** A file of letters that was moved away, in the place of the one that the pipeline declares. */
  readonly letters?: string;
}

/** Adds what all commands about letters take. */
export function takesLetters(command: Command): Command {
  return takesParams(command).option(
    "--letters <file>",
    "read this dead-letter file, for example one that was moved",
  );
}

/** A pipeline and where its letters are. */
export interface PipelineLetters {
  readonly pipeline: LoadedPipeline;
  readonly store: DeadLetterStore;
}

/** The pipelines of the files that keep letters. Throws `ARGUMENT_INVALID` where none does, or `--letters` is no file. */
export async function lettersOfFiles(
  files: readonly string[],
  options: LettersOptions,
): Promise<readonly PipelineLetters[]> {
  const pipelines = await loadForRun(files, options);
  const { letters } = options;
  if (letters !== undefined) requireFile(letters);
  const keeping = pipelines.filter(
    ({ output }) => letters !== undefined || output.onError?.keptLetters !== undefined,
  );
  const [first] = pipelines;
  if (keeping.length === 0 && first !== undefined) lettersOf(first);
  return keeping.map((pipeline) => ({
    pipeline,
    store: letters === undefined ? lettersOf(pipeline) : new DeadLetterBook(letters),
  }));
}

/** A mistyped name must not look like "nothing was refused". */
function requireFile(letters: string): void {
  const found = statSync(letters, { throwIfNoEntry: false });
  if (found?.isFile() === true) return;
  const said = found === undefined ? "is not there" : "is no file";
  throw invalidArgument(
    `--letters: ${letters} ${said}`,
    "Give the path of the dead-letter file that was moved away.",
  );
}

/** Unreadable lines may be letters of any stream, so a warning reports them. */
export function warnUnreadable(place: string, found: LettersFound, more = ""): void {
  const { unreadable, unreadableAt = [], endsCutShort = false } = found;
  if (unreadable === 0) return;
  const places = `${unreadableAt.length === 1 ? "line" : "lines"} ${unreadableAt.join(", ")}`;
  const all = unreadable > unreadableAt.length ? `${places} and more` : places;
  const why = !endsCutShort
    ? ""
    : unreadable === 1
      ? ": its write was cut short"
      : ": the write of the last was cut short";
  note(
    `${counted(unreadable, "line")} of ${shown(place)} cannot be read${unreadableAt.length === 0 ? "" : ` (${all})`}${why}${more}\n`,
  );
}

/** The letters that a command line selects, and the places with unreadable lines. */
export interface SelectedLetters {
  readonly chosen: readonly (PipelineLetters & { readonly entries: readonly LetterEntry[] })[];
  /** By place. */
  readonly unreadable: ReadonlyMap<string, LettersFound>;
}

/**
 * The selected open letters of each pipeline: those with the ids, or all. Throws `ARGUMENT_INVALID` for an id that no
 * pipeline has open, and where ids and `all` are given both, or neither.
 */
export function selectLetters(
  of: readonly PipelineLetters[],
  ids: readonly string[],
  { all = false }: { readonly all?: boolean },
): SelectedLetters {
  if (all === ids.length > 0) {
    const said = all ? "ids are given, and --all too" : "no letter is named";
    throw invalidArgument(said, "Name letters by their ids, as `list` shows them, or say --all.");
  }
  const unreadable = new Map<string, LettersFound>();
  const found = of.map((one) => {
    const letters = one.store.entries(one.pipeline.key);
    if (letters.unreadable > 0) unreadable.set(one.store.place, letters);
    const { entries } = letters;
    const open = entries.filter(({ id, status }) => status === "open" && (all || ids.includes(id)));
    return { ...one, entries: open };
  });
  for (const id of ids) {
    if (found.some(({ entries }) => entries.some((entry) => entry.id === id))) continue;
    throw invalidArgument(
      `no letter ${id} is open in ${of.map(({ store }) => store.place).join(", ")}`,
      "See `tidemark deadletters list FILE`; with --closed it shows those replayed or discarded too.",
    );
  }
  return { chosen: found.filter(({ entries }) => entries.length > 0), unreadable };
}

/** A short name of a letter, from the key of its record. */
export function nameOfLetter({ record }: DeadLetter, { input, output }: LoadedPipeline): string {
  if (!isRecord(record)) return "an element that is no record";
  const key = output.upsertKey?.map((field) => [field]) ?? input.incremental.key ?? [];
  return recordName(record, key).replace(/^the record with /, "");
}

/** The fields that `--json` adds to a letter. */
export function statusJson({ time, status, tries, marked }: LetterEntry): Record<string, unknown> {
  return {
    status,
    tries,
    first_refused_at_utc: time,
    marked_at_utc: marked?.time ?? null,
    marked_by: marked?.actor ?? null,
    marked_reason: marked?.reason ?? null,
  };
}
