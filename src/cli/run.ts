import type { Command } from "commander";
import { examples, optionsOf } from "./commands.ts";
import { takesParams } from "./params.ts";
import type { RunOptions } from "./run/run.ts";

export function defineRun(command: Command): void {
  takesParams(
    command
      .argument("<file...>", "pipeline files, or folders that hold them; run one after another")
      .option("-n, --dry-run", "read and filter, show the first records, write and move nothing")
      .option("--full-refresh", "start over on purpose: read everything again"),
  ).action(async (files: string[]) => {
    const { run } = await import("./run/run.ts");
    await run(files, optionsOf<RunOptions>(command));
  });
  command.addHelpText(
    "after",
    `
Ctrl-C and SIGTERM let the batch at hand be finished and committed. The next run goes on from there,
as it does after a crash.`,
  );
  examples(command, [
    ["tidemark run events.yaml", "fetch what changed since the last run"],
    ["tidemark run events.yaml --dry-run", "see what it would write"],
    ["tidemark run pipelines/ --json", "all pipelines of a folder; the results as JSON"],
    ["tidemark run events.yaml --param REGION=eu", "fill in ${REGION}"],
  ]);
}
