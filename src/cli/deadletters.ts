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
    summary: "Show one refused record whole, and why it was refused",
    load: async () => (await import("./deadletters/show.ts")).defineShow,
  },
  {
    name: "replay",
    summary: "Send refused records again through what they had not passed",
    load: async () => (await import("./deadletters/replay.ts")).defineReplay,
  },
  {
    name: "discard",
    summary: "Give refused records up; they stay in the file until a purge",
    load: async () => (await import("./deadletters/discard.ts")).defineDiscard,
  },
  {
    name: "purge",
    summary: "Delete records from the file that were replayed or discarded",
    load: async () => (await import("./deadletters/purge.ts")).definePurge,
  },
];

export function defineDeadLetters(command: Command): void {
  command.usage("COMMAND [options]").helpCommand(false);
  addCommands(command, commands);
  examples(command, [
    ["tidemark deadletters list orders.yaml", "what was refused, and why"],
    ["tidemark deadletters show orders.yaml ID", "one record whole"],
    ["tidemark deadletters replay orders.yaml --all", "once the cause is mended"],
  ]);
}
