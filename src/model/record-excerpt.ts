import { stringifyJson } from "./json.ts";

/** The beginning of a record as JSON, for messages: at most so many characters, and with every digit. */
export function recordExcerpt(record: unknown, most: number): string {
  let text: string;
  try {
    text = stringifyJson(record);
  } catch {
    return "one that JSON cannot hold";
  }
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
