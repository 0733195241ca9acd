import { styleText } from "node:util";
import { visibleLine } from "../terminal-text.ts";

const colors = { debug: "dim", info: "green", warn: "yellow", error: "red" } as const;

/** A log line as people read it: `12:30:01.250 info  acme/events  run completed  records_written=12`. */
export function prettyLine(line: unknown): string {
  if (typeof line !== "object" || line === null) return `${text(line)}\n`;
  const { time, level, msg, connector, stream, ...rest } = fieldsOf(line);
  const clock = typeof time === "string" ? time.slice(11, 23) : "";
  const where = connector === undefined ? [] : [paint("cyan", text(`${connector}/${stream ?? ""}`))];
  const fields = Object.entries(rest).map(
    ([name, value]) => `${paint("dim", `${text(name)}=`)}${text(value)}`,
  );
  const parts = [paint("dim", clock), levelText(level), ...where, text(msg), ...fields];
  return `${parts.join("  ")}\n`;
}

function fieldsOf(line: object): Record<string, unknown> {
  return { ...line };
}

function levelText(level: unknown): string {
  const name = text(level).padEnd(5);
  const color = Object.entries(colors).find(([known]) => known === level)?.[1];
  return color === undefined ? name : paint(color, name);
}

function paint(format: Parameters<typeof styleText>[0], shown: string): string {
  return styleText(format, shown, { stream: process.stderr });
}

/** One line, whatever it holds: control characters could rewrite what the terminal shows. */
function text(value: unknown): string {
  const whole = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return visibleLine(whole);
}
