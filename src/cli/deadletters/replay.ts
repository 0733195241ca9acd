import type { Command } from "commander";
import { lettersOf, type ReplayResult, replayDeadLetters } from "../../engine/refusals/replay.ts";
import type { ReplayedLetter } from "../../engine/refusals/replay-session.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import { DeadLetterBook } from "../../outputs/dead-letters/dead-letter-book.ts";
import type { LoadedPipeline } from "../../pipeline/check.ts";
import { examples, optionsOf } from "../commands.ts";
import { errorJson, exitCodes, formatError } from "../failure.ts";
import { counted } from "../format.ts";
import { actor, withState } from "../state-access.ts";
import { stopOnSignals } from "../stop-signals.ts";
import { note, print, printJson, shown, style } from "../terminal.ts";
import {
  type LettersOptions,
  lettersOfFiles,
  selectLetters,
  takesLetters,
  warnUnreadable,
} from "./letters.ts";

interface ReplayCommandOptions extends LettersOptions {
  readonly all?: boolean;
  readonly overwrite?: boolean;
  readonly wait?: boolean;
}

export function defineReplay(command: Command): void {
  takesLetters(
    command
      .argument("<file>", "the pipeline file")
      .argument("[id...]", "the ids of the records, as `list` shows them")
      .option("--all", "all open records")
      .option("--overwrite", "also replace rows that may be newer than the record")
      .option("--wait", "wait until a run of the stream has ended"),
  ).action((file: string, ids: string[]) => replay(file, ids, optionsOf<ReplayCommandOptions>(command)));
  command.addHelpText(
    "after",
    `
A record that the output refused goes to the output. A record that a filter or the input refused goes
through all filters first. Each record is delivered alone and then marked. If one is refused again, it
stays open and the exit code is 1. With --all the exit code is also 1 if lines of the file cannot be read.
The replay holds the stream's lease. The watermark does not move.`,
  );
  examples(command, [
    ["tidemark deadletters replay orders.yaml --all", "after fixing the cause"],
    ["tidemark deadletters replay orders.yaml Zk3… 9fQ…", "only these two"],
  ]);
}

type Options = ReturnType<typeof optionsOf<ReplayCommandOptions>>;

async function replay(file: string, ids: readonly string[], options: Options): Promise<void> {
  const signal = stopOnSignals();
  const { chosen, unreadable } = selectLetters(await lettersOfFiles([file], options), ids, options);
  const results: { readonly pipeline: LoadedPipeline; readonly result: ReplayResult }[] = [];
  for (const { pipeline, entries } of chosen) {
    const result = await withState(pipeline.stateUrl ?? options.state, { create: true }, (state) =>
      replayDeadLetters(pipeline, {
        state,
        signal,
        letters: options.letters === undefined ? lettersOf(pipeline) : new DeadLetterBook(options.letters),
        ids: entries.map(({ id }) => id),
        overwrite: options.overwrite ?? false,
        wait: options.wait ?? false,
        actor: actor(),
        onLetter: (letter) => options.json || printLetter(letter),
      }),
    );
    results.push({ pipeline, result });
    if (result.error !== null) break;
  }
  for (const [place, found] of unreadable) warnUnreadable(place, found, options.all ? leftOut : "");
  if (options.json) await printJson(results.map(({ pipeline, result }) => resultJson(pipeline, result)));
  else await printResults(results.map(({ result }) => result));
  const isDone = ({ error, letters }: ReplayResult) =>
    error === null && letters.every(({ outcome }) => outcome === "replayed");
  const isAll = options.all !== true || unreadable.size === 0;
  const areDone = isAll && results.every(({ result }) => isDone(result));
  process.exitCode = areDone ? exitCodes.done : exitCodes.failed;
}

const leftOut =
  ". What they held was not replayed. Restore the lines from a copy of the file, or remove them once their records have arrived, and replay again";

function printLetter({ id, outcome, reason }: ReplayedLetter): void {
  if (outcome === "replayed") return;
  note(
    `${style("yellow", outcome === "refused" ? "refused again" : "not replayed", process.stderr)} ${id}: ${shown(reason ?? "")}\n`,
  );
}

async function printResults(results: readonly ReplayResult[]): Promise<void> {
  if (results.length === 0) return note("no refused records are open\n");
  const letters = results.flatMap((result) => result.letters);
  const count = (wanted: ReplayedLetter["outcome"]) =>
    letters.filter(({ outcome }) => outcome === wanted).length;
  const [refused, kept] = [count("refused"), count("kept")];
  await print(
    `${style("green", "replayed")}  ${counted(count("replayed"), "refused record")}${refused === 0 ? "" : `, ${refused} refused again`}${kept === 0 ? "" : `, ${kept} not replayed`}\n`,
  );
  if (kept > 0)
    note("→ Rows with their keys are there and may be newer. To replace them all the same: --overwrite\n");
  for (const { warnings, error } of results) {
    for (const { code, message } of warnings)
      note(`${style("yellow", "warning", process.stderr)} ${code}  ${shown(message)}\n`);
    if (error !== null) note(formatError(error));
  }
}

function resultJson({ name, key }: LoadedPipeline, { runId, letters, warnings, error }: ReplayResult) {
  const count = (wanted: ReplayedLetter["outcome"]) =>
    letters.filter(({ outcome }) => outcome === wanted).length;
  return {
    pipeline: name,
    stream: formatStreamKey(key),
    run_id: runId,
    replayed: count("replayed"),
    refused: count("refused"),
    kept: count("kept"),
    letters,
    warnings,
    error: error === null ? null : errorJson(error),
  };
}
