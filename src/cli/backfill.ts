import type { Command } from "commander";
import type { BackfillCommandOptions } from "./backfill/backfill.ts";
import { examples, optionsOf } from "./commands.ts";
import { invalidArgument } from "./failure.ts";
import { takesParams } from "./params.ts";

export function defineBackfill(command: Command): void {
  takesParams(
    command
      .argument("<file>", "the pipeline file")
      .option("--from <value>", "the first time or id to read")
      .option("--to <value>", "the last one (default: where the live stream stands)")
      .option(
        "--step <step>",
        "how far a slice reaches, as P1D, P1M or 1000 (default: the pipeline's slices)",
      )
      .option(
        "--concurrency <n>",
        "how many slices are read at once (default: the pipeline's, or 1)",
        parseCount,
      )
      .option("--resume <id>", "go on with a backfill that did not come to its end"),
  ).action(async (file: string) => {
    const { backfill } = await import("./backfill/backfill.ts");
    await backfill(file, optionsOf<BackfillCommandOptions>(command));
  });
  command.addHelpText(
    "after",
    `
The live watermark stays where it is, and live runs go on beside it. Each slice that was read whole is
kept; after a failure, --resume reads the rest. Into an output that appends only what nothing covers
yet is read. \`tidemark state coverage\` shows what is covered, and which backfills are unfinished.`,
  );
  examples(command, [
    [
      "tidemark backfill events.yaml --from 2025-01-01 --to 2025-12-31 --step P1D --concurrency 4",
      "a year, by days",
    ],
    ["tidemark backfill orders.yaml --from 1 --to 500000 --step 10000", "by ids"],
    ["tidemark backfill events.yaml --resume 1b4e28ba-…", "go on where it failed"],
  ]);
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw invalidArgument(`--concurrency is ${text}`, "Give a whole number from 1 to 9999.");
}
