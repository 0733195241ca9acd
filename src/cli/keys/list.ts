import type { Command } from "commander";
import { isOver, type KeyRecord } from "../../api/keys/store.ts";
import { keyToWire } from "../../api/keys/wire.ts";
import { examples, optionsOf } from "../commands.ts";
import { type Column, Table } from "../table.ts";
import { print, printJsonList, shown, style } from "../terminal.ts";
import { onePage } from "../views.ts";
import { withStoredKeys } from "./access.ts";

export function defineList(command: Command): void {
  command.action(() => list(optionsOf<object>(command)));
  examples(command, [
    ["tidemark keys list", ""],
    ["tidemark keys list --json | jq '.[] | select(.last_used_at_utc == null)'", "keys that were never used"],
  ]);
}

async function list(options: ReturnType<typeof optionsOf<object>>): Promise<void> {
  let found: readonly KeyRecord[] = [];
  await withStoredKeys(options.state, async (keys) => {
    found = await keys.list();
  });
  if (options.json) return printJsonList(onePage(found.map(keyToWire)));
  if (found.length > 0)
    await print(new Table(columns(Date.now())).lines(found, (title) => style("bold", title)));
}

const statusStyles = { usable: "green", revoked: "red", expired: "yellow" } as const;

function statusOf(key: KeyRecord, now: number): keyof typeof statusStyles {
  if (key.revokedAtUtc !== null) return "revoked";
  return isOver(key, now) ? "expired" : "usable";
}

function columns(now: number): Column<KeyRecord>[] {
  return [
    { title: "ID", text: ({ id }) => id },
    { title: "SCOPE", text: ({ scope }) => scope },
    { title: "CONNECTORS", text: ({ connectors }) => connectors?.map(shown).join(", ") ?? "all" },
    {
      title: "STATUS",
      text: (key) => statusOf(key, now),
      style: (text, key) => style(statusStyles[statusOf(key, now)], text),
    },
    { title: "EXPIRES", text: ({ expiresAtUtc }) => expiresAtUtc ?? "never" },
    { title: "LAST USED", text: ({ lastUsedAtUtc }) => lastUsedAtUtc ?? "-" },
    { title: "CREATED", text: ({ createdAtUtc }) => createdAtUtc },
    { title: "BY", text: ({ createdBy }) => shown(createdBy) },
    { title: "NAME", text: ({ name }) => (name === null ? "" : shown(name)) },
  ];
}
