import { z } from "zod";
import { TidemarkError } from "../errors.ts";
import type { StreamKey } from "../model/stream-key.ts";
import type { Listing } from "./contract.ts";

/** A row's place in a listing by stream and number. */
export interface Place {
  readonly key: StreamKey;
  readonly number: number;
}

const placeSchema = z.tuple([z.string(), z.string(), z.int()]);

/** The most that one listing returns. */
export const mostListed = 1000;

export function encodePlace(place: Place): string {
  const { connector, stream } = place.key;
  return Buffer.from(JSON.stringify([connector, stream, place.number])).toString("base64url");
}

/** Throws `ARGUMENT_INVALID` for what `encodePlace` did not make. */
export function decodePlace(text: string): Place {
  try {
    const [connector, stream, number] = placeSchema.parse(
      JSON.parse(Buffer.from(text, "base64url").toString("utf8")),
    );
    return { key: { connector, stream }, number };
  } catch (cause) {
    throw new TidemarkError("ARGUMENT_INVALID", "`after` is not the end of an earlier listing", { cause });
  }
}

/** Reads the number that a listing of runs ended with. Throws `ARGUMENT_INVALID`. */
export function decodeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new TidemarkError("ARGUMENT_INVALID", "`after` is not the end of an earlier listing");
}

export function pageLimit(asked: number | undefined, usual: number): number {
  const limit = asked ?? usual;
  if (Number.isInteger(limit) && limit >= 1 && limit <= mostListed) return limit;
  throw new TidemarkError(
    "ARGUMENT_INVALID",
    `limit is ${limit}; a listing returns 1 to ${mostListed} at a time`,
  );
}

/** Cuts rows, of which one more than `limit` was asked for, to a listing. */
export function listing<Row, Item>(
  rows: readonly Row[],
  limit: number,
  placeOf: (row: Row) => string,
  itemOf: (row: Row) => Item,
): Listing<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(itemOf),
    next: rows.length > limit && last !== undefined ? placeOf(last) : null,
  };
}
