import type { Command } from "commander";
import { examples, optionsOf } from "./commands.ts";
import { invalidArgument } from "./failure.ts";
import { takesParams } from "./params.ts";
import type { VerifyCommandOptions } from "./verify/verify.ts";

export function defineVerify(command: Command): void {
  takesParams(
    command
      .argument("<file>", "the pipeline file")
      .option("--from <value>", "the first time or id to compare (default: the stream's beginning)")
      .option("--to <value>", "the last one (default: where the live stream stands)")
      .option("--step <step>", "read the source in slices, as P1D or 1000 (default: the pipeline's slices)")
      .option("--concurrency <n>", "how many slices are read at once", countOf("--concurrency", 1))
      .option("--limit <n>", "how many differences are listed; all are counted", countOf("--limit", 0), 100)
      .option("--repair", "read again what is missing or different, and compare once more"),
  ).action(async (file: string) => {
    const { verify } = await import("./verify/verify.ts");
    await verify(file, optionsOf<VerifyCommandOptions>(command));
  });
  command.addHelpText(
    "after",
    `
Reads the source again and compares it with what the output holds, by counts and hashes in intervals
of the cursor, and record by record where they differ. Nothing is written and nothing moves, unless
--repair is given: it runs the backfills that are printed otherwise. Ends with 0 where both hold the
same, and with 1 where they differ.`,
  );
  examples(command, [
    ["tidemark verify events.yaml", "all that the stream has read"],
    ["tidemark verify events.yaml --from 2026-01-01 --repair", "a part of it, and repair it"],
  ]);
}

function countOf(option: string, least: number): (text: string) => number {
  return (text) => {
    const count = /^\d{1,6}$/.test(text) ? Number(text) : -1;
    if (count >= least) return count;
    throw invalidArgument(`${option} is ${text}`, `Give a whole number from ${least}.`);
  };
}
