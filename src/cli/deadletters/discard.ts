import type { Command } from "commander";
import { examples, optionsOf } from "../commands.ts";
import { counted } from "../format.ts";
import { actor } from "../state-access.ts";
import { note, print, printJson, style } from "../terminal.ts";
import {
  type LettersOptions,
  lettersOfFiles,
  selectLetters,
  takesLetters,
  warnUnreadable,
} from "./letters.ts";

interface DiscardOptions extends LettersOptions {
  readonly all?: boolean;
  readonly reason?: string;
}

export function defineDiscard(command: Command): void {
  takesLetters(
    command
      .argument("<file>", "the pipeline file")
      .argument("[id...]", "the ids of the records, as `list` shows them")
      .option("--all", "all open records")
      .option("--reason <text>", "why; stored with the mark"),
  ).action((file: string, ids: string[]) => discard(file, ids, optionsOf<DiscardOptions>(command)));
  command.addHelpText(
    "after",
    "\nNothing is deleted: the records are marked with your name and are not replayed any more. `purge` deletes them.",
  );
  examples(command, [['tidemark deadletters discard orders.yaml Zk3… --reason "test order"', ""]]);
}

async function discard(
  file: string,
  ids: readonly string[],
  options: ReturnType<typeof optionsOf<DiscardOptions>>,
): Promise<void> {
  const { chosen, unreadable } = selectLetters(await lettersOfFiles([file], options), ids, options);
  const discarded: string[] = [];
  for (const { store, entries } of chosen) {
    const time = new Date().toISOString();
    for (const { id } of entries) {
      store.mark({
        mark: "discarded",
        letter: id,
        time,
        run: null,
        actor: actor(),
        code: null,
        reason: options.reason ?? null,
      });
      discarded.push(id);
    }
    store.sync();
  }
  for (const [place, found] of unreadable) warnUnreadable(place, found);
  if (options.json) return printJson({ discarded });
  if (discarded.length === 0) return note("no refused records are open\n");
  await print(`${style("green", "discarded")}  ${counted(discarded.length, "refused record")}\n`);
}
