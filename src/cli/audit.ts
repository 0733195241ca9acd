import type { Command } from "commander";
import type { StreamKey } from "../model/stream-key.ts";
import { formatStreamKey } from "../model/stream-key.ts";
import type { AuditRecord, StateStore } from "../state/contract.ts";
import { auditRecordToWire } from "../state/wire/history.ts";
import { examples, optionsOf } from "./commands.ts";
import { counted } from "./format.ts";
import { missingFile, withState } from "./state-access.ts";
import { parseLimit, storedStream, streamOrAll, takesStreamOrAll } from "./stream.ts";
import { type Column, Table } from "./table.ts";
import { note, print, printJson, printJsonList, shown, style } from "./terminal.ts";
import { pagesOf } from "./views.ts";

interface AuditOptions {
  readonly limit: number;
  readonly verify?: boolean;
}

export function defineAudit(command: Command): void {
  takesStreamOrAll(command)
    .option("--limit <n>", "show the newest so many", parseLimit, 100)
    .option("--verify", "verify the log's hash chain instead of showing it")
    .action((connector: string | undefined, stream: string | undefined) =>
      audit(streamOrAll(connector, stream), optionsOf(command)),
    );
  command.addHelpText(
    "after",
    "\nThe log is append-only: every advance, reset, rewind and edit with actor, time, old, new and reason.\n--verify looks at the API keys' own log too; `keys history` shows it.",
  );
  examples(command, [
    ["tidemark audit sap_eu suppliers", "who moved this stream"],
    ["tidemark audit --verify", "exit 1 where a row was altered, removed or reordered"],
  ]);
}

async function audit(
  key: StreamKey | null,
  options: ReturnType<typeof optionsOf<AuditOptions>>,
): Promise<void> {
  await withState(options.state, { create: false }, async (state) => {
    if (options.verify) return verify(state, key, options);
    const rows = await newest(state, key, options.limit);
    if (rows.length === 0 && key !== null) await storedStream(state, key);
    if (options.json) return printJsonList(onePage(rows.map(auditRecordToWire)));
    if (rows.length === 0)
      return note(
        key === null ? "the audit log is empty\n" : `nothing has moved ${shown(formatStreamKey(key))} yet\n`,
      );
    await print(new Table(columns).lines(rows, (title) => style("bold", title)));
  });
}

async function verify(
  state: StateStore,
  key: StreamKey | null,
  { state: url, json }: { readonly state: string; readonly json: boolean },
): Promise<void> {
  const { streams, rows } = await state.verifyAudit(key === null ? {} : { key });
  if (rows === 0 && key !== null) await storedStream(state, key);
  const keyRows = key === null ? await verifyKeys(url) : null;
  if (json) {
    return printJson({ verified: true, streams, rows, ...(keyRows === null ? {} : { key_rows: keyRows }) });
  }
  const ofKeys = keyRows === null ? "" : `, ${counted(keyRows, "row")} of the API keys`;
  await print(
    `${style("green", "verified")}  ${counted(rows, "row")} of ${counted(streams, "stream")}${ofKeys}\n`,
  );
}

/** The service's keys have a log of their own; null where there never was a key. A service verifies its own. */
async function verifyKeys(url: string): Promise<number | null> {
  if (missingFile(url) !== null) return null;
  const { openKeysIfAny } = await import("../service/keys/open.ts");
  await using keys = await openKeysIfAny(url);
  return keys === null ? null : (await keys.verifyAudit()).rows;
}

/** The newest rows, in the order of time. */
async function newest(state: StateStore, key: StreamKey | null, limit: number): Promise<AuditRecord[]> {
  const rows: AuditRecord[] = [];
  const pages = pagesOf(
    (options) => state.audit({ ...options, order: "newest", ...(key === null ? {} : { key }) }),
    limit,
  );
  for await (const page of pages) rows.push(...page);
  return rows.reverse();
}

async function* onePage<Item>(items: readonly Item[]): AsyncGenerator<readonly Item[]> {
  yield items;
}

const columns: Column<AuditRecord>[] = [
  { title: "AT", text: ({ atUtc }) => atUtc },
  { title: "STREAM", text: ({ key }) => formatStreamKey(key) },
  { title: "PARTITION", text: ({ partition }) => (partition === null ? "" : shown(partition)) },
  { title: "NO", text: ({ number }) => String(number), right: true },
  { title: "ACTION", text: ({ action }) => action },
  { title: "OLD", text: ({ oldCursor }) => oldCursor ?? "-" },
  { title: "NEW", text: ({ newCursor }) => newCursor ?? "-" },
  { title: "BY", text: ({ actor }) => shown(actor) },
  { title: "REASON", text: ({ reason }) => (reason === null ? "" : shown(reason)) },
];
