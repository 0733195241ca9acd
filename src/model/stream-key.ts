import { compareTexts } from "./text-order.ts";

/**
 * A stream's name: the integration instance (`sap_eu`) and the kind of data (`suppliers`). Both are any text of 1 to
 * 200 characters without control characters.
 */
export interface StreamKey {
  readonly connector: string;
  readonly stream: string;
}

/** The key as people read it: `sap_eu/suppliers`. */
export function formatStreamKey(key: StreamKey): string {
  return `${key.connector}/${key.stream}`;
}

/** The key as one text for maps and sets. No name holds a control character, so two streams never share it. */
export function streamMapKey({ connector, stream }: StreamKey): string {
  return `${connector}\0${stream}`;
}

/** By connector and stream, each by code point as databases order text under a binary collation. */
export function compareStreamKeys(a: StreamKey, b: StreamKey): number {
  return compareTexts(a.connector, b.connector) || compareTexts(a.stream, b.stream);
}

/** Why a name cannot be a connector's or a stream's, for messages; null if it can. */
export function streamNameProblem(name: string): string | null {
  if (name.length === 0) return "it is empty";
  if (name.length > 200) return `it has ${name.length} characters; 200 are the most`;
  if ([...name].some((character) => character < " " || character === "\u007f"))
    return "it holds a control character";
  if (!name.isWellFormed()) return "it holds half of a surrogate pair";
  if (name.trim() !== name) return "it begins or ends with a space";
  return null;
}
