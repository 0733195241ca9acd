import type { Command } from "commander";
import type { KeyAuditRecord } from "../../api/keys/tables.ts";
import { visibleTerms } from "../../api/keys/terms.ts";
import { keyAuditToWire } from "../../api/keys/wire.ts";
import { examples, optionsOf } from "../commands.ts";
import { type Column, Table } from "../table.ts";
import { print, printJsonList, shown, style } from "../terminal.ts";
import { onePage } from "../views.ts";
import { withStoredKeys } from "./access.ts";

export function defineHistory(command: Command): void {
  command.action(() => history(optionsOf<object>(command)));
  command.addHelpText("after", "\n`tidemark audit --verify` verifies this log too.");
  examples(command, [["tidemark keys history", ""]]);
}

async function history(options: ReturnType<typeof optionsOf<object>>): Promise<void> {
  let rows: readonly KeyAuditRecord[] = [];
  await withStoredKeys(options.state, async (keys) => {
    rows = await keys.audit();
  });
  if (options.json) return printJsonList(onePage(rows.map(keyAuditToWire)));
  if (rows.length > 0) await print(new Table(columns).lines(rows, (title) => style("bold", title)));
}

const columns: Column<KeyAuditRecord>[] = [
  { title: "AT", text: ({ atUtc }) => atUtc },
  { title: "NO", text: ({ number }) => String(number), right: true },
  { title: "KEY", text: ({ keyId }) => keyId },
  { title: "ACTION", text: ({ action }) => action },
  { title: "BY", text: ({ actor }) => shown(actor) },
  { title: "TERMS", text: ({ terms }) => shown(JSON.stringify(visibleTerms(terms))) },
];
