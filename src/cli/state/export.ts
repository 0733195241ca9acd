import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { type Command, Option } from "commander";
import { messageOf } from "../../errors.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import type { StateStore } from "../../state/contract.ts";
import { examples, optionsOf } from "../commands.ts";
import { invalidArgument } from "../failure.ts";
import { counted } from "../format.ts";
import { withState } from "../state-access.ts";
import { streamOrAll, takesStreamOrAll } from "../stream.ts";
import { note, print, printJson } from "../terminal.ts";
import { pagesOf } from "../views.ts";
import { exportFrame, formatEntry } from "./export-file.ts";

interface ExportOptions {
  readonly output?: string;
}

export function defineExport(command: Command): void {
  takesStreamOrAll(command)
    .addOption(new Option("-o, --output <file>", "write to this file instead of stdout"))
    .action((connector: string | undefined, stream: string | undefined) =>
      exportState(streamOrAll(connector, stream), optionsOf(command)),
    );
  examples(command, [
    ["tidemark state export --output state.json", "all streams, as a backup"],
    ["tidemark state export sap_eu suppliers | jq", "one stream"],
    [
      "tidemark state export | tidemark state import - --state postgres://… --reason move",
      "copy to another store",
    ],
  ]);
}

async function exportState(
  key: StreamKey | null,
  options: ReturnType<typeof optionsOf<ExportOptions>>,
): Promise<void> {
  const { output } = options;
  await withState(options.state, { create: false }, async (state) => {
    const entries = key === null ? everyStream(state) : oneStream(state, key);
    if (output === undefined) {
      await writeExport(entries, print);
      return;
    }
    const count = await writeFileWhole(output, entries);
    if (options.json) await printJson({ exported: count, output });
    else note(`${counted(count, "stream")} written to ${output}\n`);
  });
}

async function* oneStream(state: StateStore, key: StreamKey): AsyncGenerator<string> {
  yield formatEntry(await state.export(key));
}

async function* everyStream(state: StateStore): AsyncGenerator<string> {
  for await (const streams of pagesOf((page) => state.list(page))) {
    for (const { key } of streams) yield formatEntry(await state.export(key));
  }
}

/** The first entry is fetched before anything is written, so that a refusal leaves no half an export. */
async function writeExport(
  entries: AsyncGenerator<string>,
  write: (text: string) => Promise<unknown>,
): Promise<number> {
  let count = 0;
  for await (const entry of entries) {
    await write(count === 0 ? exportFrame.start : exportFrame.between);
    await write(entry);
    count += 1;
  }
  await write(count === 0 ? exportFrame.start + exportFrame.end : exportFrame.end);
  return count;
}

/**
 * Writes a temporary file next to the target and renames it, so that a backup is never replaced by an incomplete one.
 */
async function writeFileWhole(file: string, entries: AsyncGenerator<string>): Promise<number> {
  const draft = `${file}.${process.pid}.tmp`;
  let handle: FileHandle | undefined;
  try {
    handle = await open(draft, "wx", 0o600);
    const opened = handle;
    const count = await writeExport(entries, (text) => opened.appendFile(text));
    await handle.sync();
    await handle.close();
    await rename(draft, file);
    return count;
  } catch (error) {
    await handle?.close().catch(() => {});
    await rm(draft, { force: true });
    if (error instanceof Error && "syscall" in error)
      throw invalidArgument(
        `${file} cannot be written: ${messageOf(error)}`,
        "Check the path and its folder.",
      );
    throw error;
  }
}
