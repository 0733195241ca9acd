import type { Command } from "commander";
import { addCommands, type CommandEntry, examples } from "./commands.ts";

const commands: readonly CommandEntry[] = [
  {
    name: "create",
    summary: "Make a key; it is shown this once",
    load: async () => (await import("./keys/create.ts")).defineCreate,
  },
  {
    name: "list",
    summary: "List the keys, what they may do and when they were used",
    load: async () => (await import("./keys/list.ts")).defineList,
  },
  {
    name: "revoke",
    summary: "End a key at once",
    load: async () => (await import("./keys/revoke.ts")).defineRevoke,
  },
  {
    name: "history",
    summary: "Show who made and revoked which key",
    load: async () => (await import("./keys/history.ts")).defineHistory,
  },
];

export function defineKeys(command: Command): void {
  command.usage("COMMAND [options]").helpCommand(false);
  addCommands(command, commands);
  command.addHelpText(
    "after",
    `
Keys live in the state's own database; --state names it as the service does. Only their hashes are kept.
With --state https://… the service itself is asked, with an admin key in TIDEMARK_KEY.`,
  );
  examples(command, [
    ["tidemark keys create --scope run --connector 'sap_*'", "for the workers of the SAP connectors"],
    ["tidemark keys create --scope admin --json", '{ "id": …, "key": …, "scope": "admin" }'],
    ["tidemark keys list", "what there is"],
    ["tidemark keys revoke key_3f9c2a7d51e04b86", "no request with it is answered any more"],
  ]);
}
