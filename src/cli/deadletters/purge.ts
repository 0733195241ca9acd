import type { Command } from "commander";
import { examples, optionsOf } from "../commands.ts";
import { counted } from "../format.ts";
import { print, printJson, style } from "../terminal.ts";
import { type LettersOptions, lettersOfFiles, takesLetters } from "./letters.ts";

export function definePurge(command: Command): void {
  takesLetters(command.argument("<file...>", "pipeline files, or folders of them")).action(
    (files: string[]) => purge(files, optionsOf<LettersOptions>(command)),
  );
  command.addHelpText(
    "after",
    "\nRecords that are open stay, and pipelines may go on adding meanwhile. What is deleted cannot be brought back.",
  );
  examples(command, [["tidemark deadletters purge orders.yaml", ""]]);
}

async function purge(
  files: readonly string[],
  options: ReturnType<typeof optionsOf<LettersOptions>>,
): Promise<void> {
  let purged = 0;
  for (const { pipeline, store } of await lettersOfFiles(files, options)) purged += store.purge(pipeline.key);
  if (options.json) return printJson({ purged });
  await print(
    `${style("green", "purged")}  ${counted(purged, "record")} that had been replayed or discarded\n`,
  );
}
