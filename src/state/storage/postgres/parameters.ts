import { TidemarkError } from "../../../errors.ts";
import type { Position } from "../../../model/position.ts";
import { formatStreamKey, type StreamKey } from "../../../model/stream-key.ts";
import { positionText } from "../../codec.ts";

/** What of JSON's escapes PostgreSQL has no character for: U+0000 and half a surrogate pair. */
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/i;

/** A position as it is stored. Throws `ARGUMENT_INVALID` where PostgreSQL could not read it again. */
export function positionParameter(key: StreamKey, position: Position): string {
  const text = positionText(position);
  if (!text.includes("\\u") || !unstorable.test(text)) return text;
  throw new TidemarkError(
    "ARGUMENT_INVALID",
    "the position holds U+0000 or half a surrogate pair, which PostgreSQL cannot keep",
    { stream: formatStreamKey(key) },
  );
}

export function tieSetValues({ tieSet }: Position) {
  return {
    identities: tieSet.map(({ identity }) => identity),
    cursors: tieSet.map(({ cursor }) => cursor),
    counts: tieSet.map(({ count }) => count),
  };
}

export function coverageValues({ coverage }: Position) {
  return {
    lowers: coverage.map(({ lower }) => lower),
    uppers: coverage.map(({ upper }) => upper),
  };
}
