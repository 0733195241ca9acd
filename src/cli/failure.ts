import { CommanderError } from "commander";
import { type ErrorCode, messageOf, TidemarkError } from "../errors.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import { redact } from "../secrets.ts";
import { note, printJson, shown, style } from "./terminal.ts";

/** The exit codes. */
export const exitCodes = { done: 0, failed: 1, wrongUse: 2 } as const;

/** Codes that say that the file or the command line is wrong. */
const wrongUse: ReadonlySet<ErrorCode> = new Set([
  "ARGUMENT_INVALID",
  "CONFIG_INCOHERENT",
  "ENV_MISSING",
  "PIPELINE_INVALID",
  "PIPELINE_NOT_FOUND",
  "STATE_TOO_NEW",
  "STATE_URL_INVALID",
]);

export function exitCodeOf(error: TidemarkError): number {
  return wrongUse.has(error.code) ? exitCodes.wrongUse : exitCodes.failed;
}

/**
 * Ends a long-running command. If it could not start, the exit code is 2 where a restart cannot help until something is
 * changed, and 1 where a restart may help, so that a supervisor restarts it.
 */
export async function started(work: Promise<void>, json: boolean): Promise<void> {
  try {
    await work;
  } catch (thrown) {
    await reportFailure(thrown, json);
    const error = asTidemarkError(thrown);
    const mayHeal = error.recoverable || error.code === "INTERNAL";
    process.exitCode = mayHeal ? exitCodes.failed : exitCodes.wrongUse;
  }
}

/** Prints the error that ended the command, on stdout with `--json` and otherwise on stderr; returns the exit code. */
export async function reportFailure(thrown: unknown, json: boolean): Promise<number> {
  const error = asTidemarkError(thrown);
  if (json) await printJson({ error: errorJson(error) });
  else note(formatError(error));
  if (process.env.TIDEMARK_DEBUG === "1") note(`${redact(stackOf(thrown))}\n`);
  return exitCodeOf(error);
}

/** Converts anything thrown to a `TidemarkError`, including errors of the command line parser and a requested stop. */
export function asTidemarkError(thrown: unknown, cancelled?: AbortSignal): TidemarkError {
  if (thrown instanceof TidemarkError) return thrown;
  if (cancelled?.aborted) {
    return new TidemarkError("RUN_CANCELLED", "the run was asked to stop", { cause: thrown });
  }
  if (thrown instanceof CommanderError) return usageError(thrown);
  return new TidemarkError("INTERNAL", messageOf(thrown), { cause: thrown });
}

function usageError(thrown: CommanderError): TidemarkError {
  if (thrown.code === "commander.help") {
    return new TidemarkError("ARGUMENT_INVALID", "no command is given", {
      hint: "See `tidemark --help`.",
    });
  }
  const [message = "", suggestion] = thrown.message.replace(/^error: /, "").split("\n");
  return new TidemarkError("ARGUMENT_INVALID", message, {
    hint: suggestion?.replace(/^\((.*)\)$/, "$1") ?? "See the command's --help.",
  });
}

/** An error as people read it: what, where, and after the arrow what to do. */
export function formatError(error: TidemarkError): string {
  const err = process.stderr;
  const { where, stream } = error;
  let text = `${style("red", "error", err)} ${style("bold", error.code, err)}  ${shown(error.message)}\n`;
  if (stream !== undefined) text += `  stream ${shown(stream)}\n`;
  if (where !== undefined) {
    const place = [where.file, where.line, where.column].filter((part) => part !== undefined).join(":");
    text += `  at ${shown(place)}\n`;
  }
  return `${text}→ ${shown(error.hint)}\n`;
}

/** An error as `--json` gives it. */
export function errorJson(error: TidemarkError): Record<string, unknown> {
  return {
    code: error.code,
    message: error.message,
    hint: error.hint,
    stream: error.stream ?? null,
    where: error.where ?? null,
    details: error.details ?? null,
    recoverable: error.recoverable,
  };
}

function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const own = thrown.stack ?? thrown.message;
  return thrown.cause === undefined ? own : `${own}\ncaused by ${stackOf(thrown.cause)}`;
}

export function invalidArgument(message: string, hint: string, key?: StreamKey): TidemarkError {
  return new TidemarkError("ARGUMENT_INVALID", message, {
    hint,
    ...(key === undefined ? {} : { stream: formatStreamKey(key) }),
  });
}
