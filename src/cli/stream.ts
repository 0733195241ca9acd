import { Argument, type Command, Option } from "commander";
import { TidemarkError } from "../errors.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import type { StateStore, StreamState } from "../state/contract.ts";
import { exitCodes, invalidArgument } from "./failure.ts";
import { print, printJson, style } from "./terminal.ts";
import { streamJson } from "./views.ts";

/** Adds the two arguments that name a stream. */
export function takesStream(command: Command): Command {
  return command
    .addArgument(new Argument("<connector>", "the integration instance, as `sap_eu`"))
    .addArgument(new Argument("<stream>", "the kind of data, as `suppliers`"));
}

/** Adds the same two as arguments that may be left out together, for all streams. */
export function takesStreamOrAll(command: Command): Command {
  return command
    .addArgument(new Argument("[connector]", "one stream's connector; all streams where it is left out"))
    .addArgument(new Argument("[stream]", "the stream"));
}

/** The stream that those two name; null for all. */
export function streamOrAll(connector: string | undefined, stream: string | undefined): StreamKey | null {
  if (connector === undefined) return null;
  if (stream !== undefined) return { connector, stream };
  throw invalidArgument("a connector is given and no stream", "Give both, or neither for all streams.");
}

/** Adds `--reason`, which the audit log keeps with the act. */
export function takesReason(command: Command): Command {
  return command.addOption(
    new Option("--reason <text>", "why; stored in the audit log").makeOptionMandatory(),
  );
}

/** A stream's state; throws `STREAM_NOT_FOUND` where there is none. */
export async function storedStream(state: StateStore, key: StreamKey): Promise<StreamState> {
  const stored = await state.get(key);
  if (stored !== null) return stored;
  const stream = formatStreamKey(key);
  throw new TidemarkError("STREAM_NOT_FOUND", `no state is stored for ${stream}`, { stream });
}

/** Prints an operator's act: the position before and after, and the run that it ended. */
export async function printMove(
  before: StreamState | null,
  after: StreamState,
  json: boolean,
): Promise<void> {
  const superseded = before?.status === "running" ? before.runId : null;
  if (json) {
    return printJson({
      ...streamJson(after),
      previous_cursor_value: before?.position.watermark ?? null,
      superseded_run_id: superseded,
    });
  }
  const name = style("bold", formatStreamKey(after.key));
  let text = `${name}  ${describe(before)} → ${describe(after)}  (epoch ${after.epoch})\n`;
  if (superseded !== null)
    text += `the running run ${superseded} is superseded; nothing more of it is taken\n`;
  await print(text);
}

function describe(stream: StreamState | null): string {
  return stream?.position.watermark ?? "no watermark";
}

/** Reads `--limit`: a whole number from 1. */
export function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isSafeInteger(limit) && limit >= 1) return limit;
  throw invalidArgument(`--limit is ${text}`, "Give a whole number from 1.");
}

/** The error of a command that its user cancelled. */
export function calledOff(): void {
  process.exitCode = exitCodes.failed;
}
