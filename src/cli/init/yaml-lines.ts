import { stringify } from "yaml";

export function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** A text as one YAML value on one line, quoted where it has to be. */
export function scalar(text: string): string {
  return stringify(text, { lineWidth: 0, blockQuote: false }).trimEnd();
}
