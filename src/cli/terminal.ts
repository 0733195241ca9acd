import { styleText } from "node:util";
import { stringifyJson } from "../model/json.ts";
import { redact } from "../secrets.ts";
import { visibleLine, visibleText } from "../terminal-text.ts";

type Style = Parameters<typeof styleText>[0];

/**
 * All output goes through `print` and `note`, which escape terminal control characters: names, cursors, records and
 * answers come from others.
 */

/** Writes to stdout and resolves once it is taken; a reader that has gone (`| head`) is no failure. */
export function print(text: string): Promise<void> {
  return written(process.stdout, visibleText(text));
}

/** Writes to stderr, where everything goes that is not the command's result. */
export function note(text: string): void {
  process.stderr.write(visibleText(text));
}

/** Writes over the line that the cursor is in, on stderr where that is a terminal. */
export function noteOver(text: string): void {
  process.stderr.write(`\r\u001b[2K${visibleText(text)}`);
}

/** Prints a value as the one line of JSON that `--json` promises. */
export function printJson(value: unknown): Promise<void> {
  return print(`${stringifyJson(value)}\n`);
}

/** Prints a list as one JSON array, page by page, whatever its length. */
export async function printJsonList(pages: AsyncIterable<readonly unknown[]>): Promise<void> {
  let separator = "[";
  for await (const items of pages) {
    let text = "";
    for (const item of items) {
      text += `${separator}${stringifyJson(item)}`;
      separator = ",\n";
    }
    await print(text);
  }
  await print(separator === "[" ? "[]\n" : "]\n");
}

/** Resolves when everything written so far has left the process. */
export async function flushed(): Promise<void> {
  await Promise.all([written(process.stdout, ""), written(process.stderr, "")]);
}

/** A reader that disconnects does not end the process or its work. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
}

/** How stdout is written to where it is kept for the command's own result. */
let ownWrite: NodeJS.WriteStream["write"] | null = null;

/** Sends to stderr whatever else in the process writes to stdout, as a script of a pipeline may. */
export function keepStdout(): void {
  ownWrite ??= process.stdout.write;
  process.stdout.write = process.stderr.write.bind(process.stderr);
}

function written(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    const write = stream === process.stdout && ownWrite !== null ? ownWrite : stream.write;
    write.call(stream, text, undefined, () => resolve());
  });
}

/** Text in a style where that stream is a terminal that shows it; `NO_COLOR` is heeded. */
export function style(format: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(format, text, { stream });
}

/**
 * Text from elsewhere (a server's message, a stored error) as it may be shown: without secrets, on one line, and with
 * control characters made visible, which could rewrite what the terminal shows.
 */
export function shown(text: string): string {
  return redact(visibleLine(text));
}

/** Whether somebody sits in front of it and can be asked. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}
