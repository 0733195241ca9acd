import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import type { Command } from "commander";
import { isTidemarkError, messageOf, TidemarkError } from "../../errors.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import { utf8Text } from "../../utf8.ts";
import { examples, optionsOf } from "../commands.ts";
import { invalidArgument } from "../failure.ts";
import { counted } from "../format.ts";
import { actor, withState } from "../state-access.ts";
import { takesReason } from "../stream.ts";
import { print, printJson } from "../terminal.ts";
import { parseExport } from "./export-file.ts";

interface ImportOptions {
  readonly reason: string;
}

export function defineImport(command: Command): void {
  takesReason(command.argument("<file>", "a file from `state export`; - reads stdin")).action(
    (file: string) => importState(file, optionsOf(command)),
  );
  command.addHelpText(
    "after",
    "\nThe whole file is checked first. If one entry is wrong, nothing is imported.\nA running run of an imported stream is superseded.",
  );
  examples(command, [['tidemark state import state.json --reason "restored from backup"', ""]]);
}

async function importState(
  file: string,
  options: ReturnType<typeof optionsOf<ImportOptions>>,
): Promise<void> {
  const name = file === "-" ? "stdin" : file;
  const streams = parseExport(await readWhole(file), name);
  await withState(options.state, { create: true }, async (state) => {
    const act = { reason: options.reason, actor: actor() };
    let imported = 0;
    try {
      for (const stream of streams) {
        await state.import(stream, act);
        imported += 1;
      }
    } catch (error) {
      throw stoppedAt(error, formatStreamKey(streams[imported] ?? { connector: "?", stream: "?" }), imported);
    }
  });
  if (options.json) await printJson({ imported: streams.length });
  else await print(`${counted(streams.length, "stream")} imported from ${name}\n`);
}

async function readWhole(file: string): Promise<string> {
  const whole = utf8Text(await bytesOf(file));
  if (whole !== null) return whole;
  throw invalidArgument(`${file} is no text in UTF-8`, "Give what `tidemark state export` printed.");
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    return await (file === "-" ? buffer(process.stdin) : readFile(file));
  } catch (error) {
    throw invalidArgument(`${file} cannot be read: ${messageOf(error)}`, "Check the path.");
  }
}

/** Streams are imported one by one; a store that fails on the way leaves those before it imported. */
function stoppedAt(error: unknown, stream: string, imported: number): unknown {
  if (!isTidemarkError(error) || imported === 0) return error;
  return new TidemarkError(
    error.code,
    `${error.message} (after ${counted(imported, "stream")} had been imported)`,
    {
      cause: error,
      stream,
      hint: `${error.hint} Importing the file again is harmless.`,
      recoverable: error.recoverable,
    },
  );
}
