import { type Command, Option } from "commander";
import { examples, optionsOf } from "./commands.ts";
import { invalidArgument } from "./failure.ts";
import { takesParams } from "./params.ts";
import type { RunFlags } from "./run/run-one.ts";

export function defineRun(command: Command): void {
  takesParams(
    command
      .argument("<file...>", "pipeline files or folders; they run one after another")
      .option("-n, --dry-run", "read, filter and show the first records; write nothing")
      .option("--since <value>", "read from this time or id on instead of from the stream's cursor")
      .option("--lookback-days <n>", "how many days back a stream without a cursor begins", parseDays)
      .addOption(
        new Option("--full-refresh", "start over: reset the stream and read everything again").conflicts(
          "since",
        ),
      )
      .option("--append-again", "with --full-refresh: allow an output that appends to get all records twice"),
  ).action(async (files: string[]) => {
    checkAppendAgain(optionsOf<RunFlags>(command));
    const { run } = await import("./run/run.ts");
    await run(files, optionsOf<RunFlags>(command));
  });
  command.addHelpText(
    "after",
    `
A run begins at the first of these that exists: --since, the stream's cursor, --lookback-days, the
pipeline's \`start\`, the source's beginning.

On Ctrl-C and SIGTERM the run commits its current batch and stops. The next run goes on from there.
It also does so after a crash.`,
  );
  examples(command, [
    ["tidemark run events.yaml", "fetch what changed since the last run"],
    ["tidemark run events.yaml --dry-run", "show what it would write"],
    ["tidemark run events.yaml --since 2026-01-01", "read again from there; the watermark does not go back"],
    ["tidemark run pipelines/ --json", "run all pipelines of a folder; print the results as JSON"],
    ["tidemark run events.yaml --param REGION=eu", "set ${REGION}"],
  ]);
}

function checkAppendAgain({ appendAgain = false, fullRefresh = false }: Partial<RunFlags>): void {
  if (!appendAgain || fullRefresh) return;
  throw invalidArgument("--append-again goes with --full-refresh", "Give both, or neither.");
}

function parseDays(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw invalidArgument(`--lookback-days is ${text}`, "Give a whole number of days, as --lookback-days 30.");
}
