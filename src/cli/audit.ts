import type { Command } from "commander";
import { auditRecordToWire } from "../api/contracts/history.ts";
import type { StreamKey } from "../model/stream-key.ts";
import { formatStreamKey } from "../model/stream-key.ts";
import type { AuditRecord, StateStore } from "../state/contract.ts";
import { examples, optionsOf } from "./commands.ts";
import { invalidArgument } from "./failure.ts";
import { counted } from "./format.ts";
import { missingFile, withState } from "./state-access.ts";
import { parseLimit, storedStream, streamOrAll, takesStreamOrAll } from "./stream.ts";
import { type Column, Table } from "./table.ts";
import { note, print, printJson, printJsonList, shown, style } from "./terminal.ts";
import { onePage, pagesOf } from "./views.ts";

interface AuditOptions {
  readonly limit: number;
  readonly verify?: boolean;
  readonly heads?: boolean;
  readonly pinned?: string;
  readonly archive?: string;
  readonly before?: string;
  readonly archived?: readonly string[];
}

export function defineAudit(command: Command): void {
  takesStreamOrAll(command)
    .option("--limit <n>", "how many rows to show, the newest ones", parseLimit, 100)
    .option("--verify", "verify the log instead of showing it")
    .option("--heads", "print the number and hash of the last row, to keep in another place")
    .option("--pinned <head|file>", "with --verify: check that the rows printed by --heads still exist")
    .option("--archive <file>", "move old rows into a new file")
    .option("--before <date>", "with --archive: move the rows from before this time", parseBefore)
    .option("--archived <file...>", "with --verify: archives of this log, oldest first")
    .action((connector: string | undefined, stream: string | undefined) =>
      audit(streamOrAll(connector, stream), optionsOf(command)),
    );
  command.addHelpText(
    "after",
    "\nThe log is append-only. Each advance, reset, rewind and edit has its actor, time, old and new value,\nand reason. --verify also checks the log of the API keys, which `keys history` shows.",
  );
  examples(command, [
    ["tidemark audit sap_eu suppliers", "who moved this stream"],
    ["tidemark audit --verify", "exit code 1 if a row was altered, removed or reordered"],
    ["tidemark audit --heads > pinned.jsonl", "keep this file away from those who can write the state"],
    ["tidemark audit --verify --pinned pinned.jsonl", "find logs that were cut off at the end"],
    ["tidemark audit --archive 2025.jsonl --before 2026-01-01", ""],
    ["tidemark audit --verify --archived 2025.jsonl", "verify archive and log as one chain"],
  ]);
}

async function audit(
  key: StreamKey | null,
  options: ReturnType<typeof optionsOf<AuditOptions>>,
): Promise<void> {
  await withState(options.state, { create: false }, async (state) => {
    assertOptionsCombine(options);
    if (options.verify) return verify(state, key, options);
    if (options.heads) return (await import("./audit/heads.ts")).printHeads(state, key, options.json);
    if (options.archive !== undefined && options.before !== undefined) {
      const { archive: file, before, json } = options;
      return (await import("./audit/archive.ts")).archive(state, key, { file, before, json });
    }
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

function assertOptionsCombine({ verify, heads, pinned, archive, before, archived }: AuditOptions): void {
  const isMixed = [verify, heads, archive !== undefined].filter(Boolean).length > 1;
  if (isMixed)
    throw invalidArgument("--verify, --heads and --archive exclude each other", "Give one of them.");
  if (!verify && (pinned !== undefined || archived !== undefined)) {
    throw invalidArgument("--pinned and --archived are for --verify", "Add --verify.");
  }
  if ((archive === undefined) !== (before === undefined)) {
    throw invalidArgument("--archive and --before go together", "Write --archive FILE --before 2026-01-01.");
  }
}

/** Reads `--before` as the log writes its times, by which texts are compared. */
function parseBefore(text: string): string {
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : null;
  if (time !== null && !Number.isNaN(time.getTime())) return time.toISOString();
  throw invalidArgument(
    `--before is ${text}`,
    "Give a date or a time in UTC, as 2026-01-01 or 2026-01-01T00:00:00Z.",
  );
}

/** Checks what the state itself cannot show: that pinned rows still exist, and that archives belong to the log. */
async function verifyEvidence(
  state: StateStore,
  key: StreamKey | null,
  { pinned, archived = [] }: AuditOptions,
): Promise<{ archivedRows: number; pins: number } | null> {
  if (pinned === undefined && archived.length === 0) return null;
  const { readPinned } = await import("./audit/heads.ts");
  const { Evidence } = await import("./audit/evidence.ts");
  const heads = pinned === undefined ? [] : await readPinned(pinned, key);
  const evidence = new Evidence(state, key, heads);
  const archivedRows = await evidence.readArchives(archived);
  await evidence.checkPinned();
  return { archivedRows, pins: heads.length };
}

async function verify(
  state: StateStore,
  key: StreamKey | null,
  options: ReturnType<typeof optionsOf<AuditOptions>>,
): Promise<void> {
  const { state: url, json } = options;
  const { streams, rows } = await state.verifyAudit(key === null ? {} : { key });
  const evidence = await verifyEvidence(state, key, options);
  if (rows === 0 && key !== null) await storedStream(state, key);
  const keyRows = key === null ? await verifyKeys(url) : null;
  if (json) {
    const beyond = evidence === null ? {} : { archived_rows: evidence.archivedRows, pinned: evidence.pins };
    const keys = keyRows === null ? {} : { key_rows: keyRows };
    return printJson({ verified: true, streams, rows, ...beyond, ...keys });
  }
  const beyond =
    evidence === null
      ? ""
      : `, ${counted(evidence.archivedRows, "archived row")}, ${counted(evidence.pins, "pinned head")}`;
  const ofKeys = keyRows === null ? "" : `, ${counted(keyRows, "row")} of the API keys`;
  await print(
    `${style("green", "verified")}  ${counted(rows, "row")} of ${counted(streams, "stream")}${beyond}${ofKeys}\n`,
  );
}

/** The service's keys have a log of their own; null where there never was a key. A service verifies its own. */
async function verifyKeys(url: string): Promise<number | null> {
  if (missingFile(url) !== null) return null;
  const { openKeysIfAny } = await import("../api/keys/open.ts");
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
