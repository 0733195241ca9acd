import { redactIn } from "../secrets.ts";
import { visibleText } from "../terminal-text.ts";
import { traceContext } from "../trace-context.ts";
import { prettyLine } from "./pretty-line.ts";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

type Write = (fields: object, message: string) => void;

/** Where log lines go. A child puts its fields on every line. */
export interface Log {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  child(fields: Readonly<Record<string, unknown>>): Log;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** For people's eyes instead of programs: where the lines go to a terminal. */
  readonly pretty: boolean;
  /** Takes each finished line, with its end. */
  readonly write: (line: string) => void;
}

/**
 * Opens a log: one JSON object a line, with `time`, `level`, `msg` and the fields given, and with
 * `trace_id` where work is part of a trace. Registered secrets are masked in every text (promise P14).
 *
 * ```ts
 * const log = await openLog({ level: "info", pretty: false, write: (line) => process.stderr.write(line) });
 * log.child({ connector, stream }).info({ records: 12 }, "run completed");
 * ```
 */
export async function openLog({ level, pretty, write }: LogOptions): Promise<Log> {
  const { pino, stdTimeFunctions } = await import("pino");
  const log: Log = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: traceFields,
    },
    {
      write(line: string) {
        const clean = redactIn(JSON.parse(line));
        write(pretty ? prettyLine(clean) : visibleText(`${JSON.stringify(clean)}\n`));
      },
    },
  );
  return log;
}

function traceFields(): object {
  const context = traceContext();
  return context === null ? {} : { trace_id: context.traceId };
}
