import { isTidemarkError, type TidemarkError } from "../errors.ts";
import type { StreamKey } from "../model/stream-key.ts";

export interface ListOptions {
  readonly after?: string;
  readonly limit?: number;
  readonly connector?: string;
  /** `include`: a stream whose row cannot be read is listed as `unreadable`, and does not fail the listing. */
  readonly unreadable?: "include";
}

/** A stream that is stored and cannot be read, with the reason. */
export interface UnreadableStream {
  readonly key: StreamKey;
  readonly error: TidemarkError;
}

/** The streams of the same page that could not be read. */
export interface WithUnreadable {
  readonly unreadable?: readonly UnreadableStream[];
}

/** Whether an error is about one stream's own state. */
export function isUnreadable(thrown: unknown): thrown is TidemarkError {
  return isTidemarkError(thrown, "STATE_UNREADABLE") || isTidemarkError(thrown, "STATE_TOO_NEW");
}

/** A listing's items and what it could not read, in one order by the `key` of both. */
export function entriesOf<Item extends { readonly key: StreamKey }>(
  { items, unreadable = [] }: { readonly items: readonly Item[] } & WithUnreadable,
  compare: (a: StreamKey, b: StreamKey) => number,
): (Item | UnreadableStream)[] {
  return [...items, ...unreadable].sort((a, b) => compare(a.key, b.key));
}
