import { Argument, type Command, Option } from "commander";
import { isTidemarkError } from "../../errors.ts";
import { type CursorType, cursorTypes, parseCursor } from "../../model/cursor.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import { examples, optionsOf } from "../commands.ts";
import { invalidArgument } from "../failure.ts";
import { actor, withState } from "../state-access.ts";
import { printMove, takesReason, takesStream } from "../stream.ts";
import { printPartitionMove, watermarkOf } from "./partition-move.ts";

interface SetOptions {
  readonly reason: string;
  readonly type?: CursorType;
  readonly partition?: string;
}

export function defineSet(command: Command): void {
  takesReason(takesStream(command))
    .addArgument(new Argument("<value>", "the new watermark, as the stream's cursors are written"))
    .option("--partition <name>", "only this partition of the stream")
    .addOption(new Option("--type <type>", "the cursor type, for a new stream").choices(cursorTypes))
    .action((connector: string, stream: string, value: string) =>
      set({ connector, stream }, value, optionsOf(command)),
    );
  examples(command, [
    ['tidemark state set sap_eu suppliers 2026-01-01T00:00:00Z --reason "reload January"', ""],
    ['tidemark state set sap_eu orders 4200 --type numeric_id --reason "moved from cron"', "a new stream"],
  ]);
}

async function set(
  key: StreamKey,
  value: string,
  options: ReturnType<typeof optionsOf<SetOptions>>,
): Promise<void> {
  const { reason, type, partition } = options;
  await withState(options.state, { create: type !== undefined }, async (state) => {
    const before = await state.get(key);
    const to = readValue(key, value, type ?? before?.cursorType ?? null);
    const from = partition === undefined ? null : await watermarkOf(state, key, partition);
    const after = await state.reset(key, {
      to,
      reason,
      actor: actor(),
      ...(type === undefined ? {} : { cursorType: type }),
      ...(partition === undefined ? {} : { partition }),
    });
    if (partition !== undefined)
      return printPartitionMove(before, after, { partition, from, to }, options.json);
    await printMove(before, after, options.json);
  });
}

/** The value as the stream's type writes it; an invalid value is an error of the command line. */
function readValue(key: StreamKey, value: string, type: CursorType | null): string {
  if (type === null) {
    throw invalidArgument(
      "the stream has no cursor type yet, so that it has to be given",
      `Add --type with one of ${cursorTypes.join(", ")}.`,
      key,
    );
  }
  try {
    return parseCursor(type, value).value;
  } catch (error) {
    if (!isTidemarkError(error, "CURSOR_INVALID")) throw error;
    throw invalidArgument(error.message, `Write the value as a ${type}: ${writtenAs[type]}.`, key);
  }
}

const writtenAs: Readonly<Record<CursorType, string>> = {
  timestamp_utc: "2026-01-31T00:00:00Z",
  numeric_id: "4200",
  text: "any text",
  offset: "a whole number from 0",
  opaque_token: "any text",
};
