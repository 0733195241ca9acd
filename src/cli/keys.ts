import type { Command } from "commander";
import { addCommands, type CommandEntry, examples } from "./commands.ts";

const commands: readonly CommandEntry[] = [
  {
    name: "create",
    summary: "Create a key and show it once",
    load: async () => (await import("./keys/create.ts")).defineCreate,
  },
  {
    name: "list",
    summary: "List the keys, their rights and their last use",
    load: async () => (await import("./keys/list.ts")).defineList,
  },
  {
    name: "revoke",
    summary: "Revoke a key at once",
    load: async () => (await import("./keys/revoke.ts")).defineRevoke,
  },
  {
    name: "history",
    summary: "Show who created and revoked which key",
    load: async () => (await import("./keys/history.ts")).defineHistory,
  },
];

export function defineKeys(command: Command): void {
  command.usage("COMMAND [options]").helpCommand(false);
  addCommands(command, commands);
  command.addHelpText(
    "after",
    `
Keys are stored with the state: use the same --state as the service. Only their hashes are stored.
With --state https://… the service itself is asked; it needs an admin key in TIDEMARK_KEY.`,
  );
  examples(command, [
    ["tidemark keys create --scope run --connector 'sap_*'", "for the workers of the SAP connectors"],
    ["tidemark keys create --scope admin --json", '{ "id": …, "key": …, "scope": "admin" }'],
    ["tidemark keys list", "list all keys"],
    ["tidemark keys revoke key_3f9c2a7d51e04b86", "the service refuses this key from now on"],
  ]);
}
