import { type Command, Option } from "commander";
import { examples, optionsOf } from "./commands.ts";
import { invalidArgument } from "./failure.ts";
import { takesParams } from "./params.ts";
import type { RunOptions } from "./run/run.ts";

export function defineRun(command: Command): void {
  takesParams(
    command
      .argument("<file...>", "pipeline files, or folders that hold them; run one after another")
      .option("-n, --dry-run", "read and filter, show the first records, write and move nothing")
      .option("--since <value>", "read from this time or id on, whatever the stream's cursor says")
      .option("--lookback-days <n>", "how many days back a stream begins that has no cursor yet", parseDays)
      .addOption(
        new Option("--full-refresh", "start over on purpose: read everything again").conflicts("since"),
      )
      .option("--append-again", "with --full-refresh: add everything once more to an output that appends"),
  ).action(async (files: string[]) => {
    checkAppendAgain(optionsOf<RunOptions>(command));
    const { run } = await import("./run/run.ts");
    await run(files, optionsOf<RunOptions>(command));
  });
  command.addHelpText(
    "after",
    `
Where a run begins, in this order: --since, the stream's cursor, --lookback-days, the pipeline's own
\`start\`, the source's beginning.

Ctrl-C and SIGTERM let the batch at hand be finished and committed. The next run goes on from there,
as it does after a crash.`,
  );
  examples(command, [
    ["tidemark run events.yaml", "fetch what changed since the last run"],
    ["tidemark run events.yaml --dry-run", "see what it would write"],
    ["tidemark run events.yaml --since 2026-01-01", "read again from there on; the cursor never goes back"],
    ["tidemark run pipelines/ --json", "all pipelines of a folder; the results as JSON"],
    ["tidemark run events.yaml --param REGION=eu", "fill in ${REGION}"],
  ]);
}

function checkAppendAgain({ appendAgain = false, fullRefresh = false }: Partial<RunOptions>): void {
  if (!appendAgain || fullRefresh) return;
  throw invalidArgument("--append-again goes with --full-refresh", "Give both, or neither.");
}

function parseDays(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw invalidArgument(`--lookback-days is ${text}`, "Give a whole number of days, as --lookback-days 30.");
}
