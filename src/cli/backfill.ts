import type { Command } from "commander";
import type { BackfillCommandOptions } from "./backfill/backfill.ts";
import { examples, optionsOf } from "./commands.ts";
import { invalidArgument } from "./failure.ts";
import { takesParams } from "./params.ts";

export function defineBackfill(command: Command): void {
  takesParams(
    command
      .argument("<file>", "the pipeline file")
      .option("--from <value>", "the first time or id to read; required without --resume")
      .option("--to <value>", "the last time or id to read (default: the live stream's watermark)")
      .option(
        "--step <step>",
        "the length of a slice: P1D, P1M, or 1000 for ids (default: the pipeline's slices)",
      )
      .option(
        "--concurrency <n>",
        "how many slices are read at the same time (default: the pipeline's, or 1)",
        parseCount,
      )
      .option("--resume <id>", "continue a backfill that failed or was killed"),
  ).action(async (file: string) => {
    const { backfill } = await import("./backfill/backfill.ts");
    await backfill(file, optionsOf<BackfillCommandOptions>(command));
  });
  command.addHelpText(
    "after",
    `
Live runs go on meanwhile, and the live watermark does not move. A slice that was read completely is
kept; after a failure, --resume reads the rest. For an output that appends, only ranges that no run
has covered are read. \`tidemark state coverage\` shows these ranges and the unfinished backfills.`,
  );
  examples(command, [
    [
      "tidemark backfill events.yaml --from 2025-01-01 --to 2025-12-31 --step P1D --concurrency 4",
      "one year, day by day",
    ],
    ["tidemark backfill orders.yaml --from 1 --to 500000 --step 10000", "by ids"],
    ["tidemark backfill events.yaml --resume 1b4e28ba-…", "continue after a failure"],
  ]);
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw invalidArgument(`--concurrency is ${text}`, "Give a whole number from 1 to 9999.");
}
