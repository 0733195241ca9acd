import type { Command } from "commander";
import { keyToWire } from "../../api/keys/wire.ts";
import { examples, optionsOf } from "../commands.ts";
import { actor } from "../state-access.ts";
import { print, printJson, shown, style } from "../terminal.ts";
import { withKeys } from "./access.ts";

export function defineRevoke(command: Command): void {
  command
    .argument("<id>", "the key's id, as `keys list` shows it")
    .action((id: string) => revoke(id, optionsOf<object>(command)));
  command.addHelpText(
    "after",
    "\nThis cannot be undone; create a new key instead. Repeating it is harmless.",
  );
  examples(command, [["tidemark keys revoke key_3f9c2a7d51e04b86", ""]]);
}

async function revoke(id: string, options: ReturnType<typeof optionsOf<object>>): Promise<void> {
  await withKeys(options.state, async (keys) => {
    const key = await keys.revoke(id, actor());
    if (options.json) return printJson(keyToWire(key));
    await print(
      `${style("bold", key.id)} is revoked since ${key.revokedAtUtc} by ${shown(key.revokedBy ?? "")}\n`,
    );
  });
}
