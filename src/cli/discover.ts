import type { Command } from "commander";
import { examples, optionsOf } from "./commands.ts";
import type { DiscoverOptions } from "./discover/discover.ts";
import { takesParams } from "./params.ts";

export function defineDiscover(command: Command): void {
  takesParams(
    command
      .argument("<file>", "the pipeline file")
      .option("--all", "list every table of the database, not only those that are read")
      .option("--columns", "list the columns of each table")
      .option("--yaml", "print the input's keys for each table, to paste into a pipeline"),
  ).action(async (file: string) => {
    const { discover } = await import("./discover/discover.ts");
    await discover(file, optionsOf<DiscoverOptions>(command));
  });
  command.addHelpText(
    "after",
    `
Asks a database which tables it has, with their keys, and proposes cursors from the names and types of
their columns. It reads no rows and writes nothing. Whether a proposed cursor is set with each change
only the application knows. Of an API or a module it prints what the file declares. The exit code is 1
if a table of the file cannot be read.`,
  );
  examples(command, [
    ["tidemark discover orders.yaml", "the table of the file, its key and its cursor"],
    ["tidemark discover orders.yaml --all", "every table of the database"],
    ["tidemark discover orders.yaml --all --yaml", "the same, as keys to paste"],
  ]);
}
