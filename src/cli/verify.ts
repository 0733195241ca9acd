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
      .option("--to <value>", "the last time or id to compare (default: the live stream's watermark)")
      .option(
        "--step <step>",
        "read the source in slices: P1D, or 1000 for ids (default: the pipeline's slices)",
      )
      .option(
        "--concurrency <n>",
        "how many slices are read at the same time (default: the pipeline's, or 1)",
        countOf("--concurrency", 1),
      )
      .option("--limit <n>", "how many differences to list; all are counted", countOf("--limit", 0), 100)
      .option("--repair", "read again what is missing or different, then compare again"),
  ).action(async (file: string) => {
    const { verify } = await import("./verify/verify.ts");
    await verify(file, optionsOf<VerifyCommandOptions>(command));
  });
  command.addHelpText(
    "after",
    `
Reads the source again and compares it with the output: counts and hashes for intervals of the cursor,
and single records where these differ. It writes nothing, unless you add --repair, which runs the
backfills that are otherwise printed. The exit code is 0 if both are equal, and 1 if they differ.`,
  );
  examples(command, [
    ["tidemark verify events.yaml", "compare everything that the stream has read"],
    ["tidemark verify events.yaml --from 2026-01-01 --repair", "compare a part of it, and repair it"],
  ]);
}

function countOf(option: string, least: number): (text: string) => number {
  return (text) => {
    const count = /^\d{1,6}$/.test(text) ? Number(text) : -1;
    if (count >= least) return count;
    throw invalidArgument(`${option} is ${text}`, `Give a whole number from ${least}.`);
  };
}
