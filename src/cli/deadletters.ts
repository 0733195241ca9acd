import type { Command } from "commander";
import { addCommands, type CommandEntry, examples } from "./commands.ts";

const commands: readonly CommandEntry[] = [
  {
    name: "list",
    summary: "List the records that were refused and set aside",
    load: async () => (await import("./deadletters/list.ts")).defineList,
  },
  {
    name: "show",
    summary: "Show one refused record, and why it was refused",
    load: async () => (await import("./deadletters/show.ts")).defineShow,
  },
  {
    name: "replay",
    summary: "Deliver refused records again",
    load: async () => (await import("./deadletters/replay.ts")).defineReplay,
  },
  {
    name: "discard",
    summary: "Give up refused records; they stay in the file until a purge",
    load: async () => (await import("./deadletters/discard.ts")).defineDiscard,
  },
  {
    name: "purge",
    summary: "Delete replayed and discarded records from the file",
    load: async () => (await import("./deadletters/purge.ts")).definePurge,
  },
];

export function defineDeadLetters(command: Command): void {
  command.usage("COMMAND [options]").helpCommand(false);
  addCommands(command, commands);
  examples(command, [
    ["tidemark deadletters list orders.yaml", "which records were refused, and why"],
    ["tidemark deadletters show orders.yaml ID", "one complete record"],
    ["tidemark deadletters replay orders.yaml --all", "send them again, after fixing the cause"],
  ]);
}
