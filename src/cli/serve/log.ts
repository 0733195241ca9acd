import { redact } from "../../secrets.ts";
import type { ServiceLogger } from "../../service/logger.ts";
import { note, shown, style } from "../terminal.ts";

/** Log lines on stderr: JSON for machines, short ones on a terminal. */
export async function openLog(json: boolean): Promise<ServiceLogger> {
  if (process.stderr.isTTY === true && !json) return terminalLog;
  const { pino } = await import("pino");
  // Secrets are masked in the finished line, wherever in it they are (promise P14).
  const log = pino({ base: { pid: process.pid } }, { write: (line: string) => note(redact(line)) });
  return {
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
  };
}

const terminalLog: ServiceLogger = {
  info: (fields, message) => line("dim", fields, message),
  warn: (fields, message) => line("yellow", fields, message),
  error: (fields, message) => line("red", fields, message),
};

function line(colour: "dim" | "yellow" | "red", fields: object, message: string): void {
  const told = Object.entries(fields)
    .filter(([name, value]) => value !== null && name !== "request_id" && name !== "stack")
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const text = shown([new Date().toISOString().slice(11, 19), message, ...told].join(" "));
  note(`${style(colour, text, process.stderr)}\n`);
}
