import type { Command } from "commander";
import { examples, optionsOf } from "../commands.ts";
import { counted } from "../format.ts";
import { print, printJson, style } from "../terminal.ts";
import { type LettersOptions, lettersOfFiles, takesLetters } from "./letters.ts";

export function definePurge(command: Command): void {
  takesLetters(command.argument("<file...>", "pipeline files or folders")).action((files: string[]) =>
    purge(files, optionsOf<LettersOptions>(command)),
  );
  command.addHelpText(
    "after",
    "\nOpen records stay. Pipelines may add records meanwhile. Deleted records cannot be restored.",
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
