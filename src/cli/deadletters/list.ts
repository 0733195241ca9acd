import type { Command } from "commander";
import type { DeadLetter, LetterEntry } from "../../engine/ports.ts";
import { readCursorValue } from "../../model/cursor.ts";
import { examples, optionsOf } from "../commands.ts";
import { invalidArgument } from "../failure.ts";
import { counted } from "../format.ts";
import { type Column, cutToWidth, Table } from "../table.ts";
import { note, print, printJsonList, shown, style } from "../terminal.ts";
import {
  type LettersOptions,
  lettersOfFiles,
  nameOfLetter,
  type PipelineLetters,
  statusJson,
  takesLetters,
  warnUnreadable,
} from "./letters.ts";

interface ListOptions extends LettersOptions {
  readonly code?: string;
  readonly since?: string;
  readonly closed?: boolean;
}

export function defineList(command: Command): void {
  takesLetters(
    command
      .argument("<file...>", "pipeline files or folders")
      .option("--code <code>", "only records that were refused with this code")
      .option("--since <time>", "only records first refused at this time or later, for example 2026-05-01")
      .option("--closed", "also records that were replayed or discarded"),
  ).action((files: string[]) => list(files, optionsOf<ListOptions>(command)));
  examples(command, [
    ["tidemark deadletters list orders.yaml", ""],
    ["tidemark deadletters list orders.yaml --code FILTER_FAILED --since 2026-05-01", ""],
    [
      "tidemark deadletters list orders.yaml --json | jq -r '.[].reason' | sort | uniq -c",
      "how often each reason occurs",
    ],
  ]);
}

interface Listed {
  readonly entry: LetterEntry;
  readonly letter: DeadLetter;
  readonly name: string;
  readonly pipeline: string;
}

async function list(
  files: readonly string[],
  options: ReturnType<typeof optionsOf<ListOptions>>,
): Promise<void> {
  const of = await lettersOfFiles(files, options);
  const since = options.since === undefined ? null : timeAskedFor(options.since);
  if (options.json) return printJsonList(jsonPages(of, options, since));
  const table = new Table(columns(of.length > 1));
  let count = 0;
  for (const one of of) {
    for (const page of pagesOf(one, options, since)) {
      await print(table.lines(page, (title) => style("bold", title)));
      count += page.length;
    }
  }
  if (count === 0) note(`no refused records${options.closed === true ? "" : " are open"}\n`);
  else note(`${style("dim", counted(count, "refused record"), process.stderr)}\n`);
}

const pageSize = 100;

/** Records are read page by page: a file may be far larger than memory. */
function* pagesOf(
  { pipeline, store }: PipelineLetters,
  { code, closed = false }: ListOptions,
  since: string | null,
): Generator<Listed[]> {
  const found = store.entries(pipeline.key);
  warnUnreadable(store.place, found);
  const listed = found.entries.filter(
    (entry) =>
      (closed || entry.status === "open") &&
      (code === undefined || entry.code === code) &&
      (since === null || entry.time >= since),
  );
  for (let at = 0; at < listed.length; at += pageSize) {
    yield listed.slice(at, at + pageSize).map((entry) => {
      const letter = store.letter(entry);
      return { entry, letter, name: nameOfLetter(letter, pipeline), pipeline: pipeline.name };
    });
  }
}

async function* jsonPages(
  of: readonly PipelineLetters[],
  options: ListOptions,
  since: string | null,
): AsyncGenerator<readonly unknown[]> {
  for (const one of of) {
    for (const page of pagesOf(one, options, since)) {
      yield page.map(({ entry, letter: { record: _, ...rest }, name, pipeline }) => ({
        ...rest,
        pipeline,
        code: entry.code,
        record_name: name,
        ...statusJson(entry),
      }));
    }
  }
}

/** The time as letters have it, so that texts compare. */
function timeAskedFor(text: string): string {
  try {
    const value = readCursorValue("timestamp_utc", text, { kind: "iso8601", timezone: "UTC" });
    return new Date(value).toISOString();
  } catch {
    throw invalidArgument(
      `--since is ${text}`,
      "Give a date or a time, such as 2026-05-01 or 2026-05-01T08:00:00Z.",
    );
  }
}

const longestReason = 100;

function columns(withPipeline: boolean): Column<Listed>[] {
  return [
    { title: "ID", text: ({ entry }) => entry.id },
    { title: "FIRST REFUSED", text: ({ entry }) => entry.time },
    ...(withPipeline ? [{ title: "PIPELINE", text: ({ pipeline }: Listed) => shown(pipeline) }] : []),
    { title: "STATUS", text: ({ entry }) => entry.status },
    { title: "TRIES", text: ({ entry }) => String(entry.tries), right: true },
    { title: "BY", text: ({ letter }) => shown(letter.by ?? letter.stage) },
    { title: "CODE", text: ({ entry }) => shown(entry.code) },
    { title: "RECORD", text: ({ name }) => cutToWidth(shown(name), 60) },
    {
      title: "REASON",
      text: ({ entry, letter }) => cutToWidth(shown(entry.marked?.reason ?? letter.reason), longestReason),
    },
  ];
}
