import { z } from "zod";
import { TidemarkError } from "../errors.ts";
import { compareStreamKeys, type StreamKey } from "../model/stream-key.ts";
import { compareTexts } from "../model/text-order.ts";
import type { Listing } from "./contract.ts";

/** A row's place in a listing by stream and number. */
export interface Place {
  readonly key: StreamKey;
  readonly number: number;
}

/** A row's place in a listing by time. */
export interface Moment extends Place {
  readonly atUtc: string;
}

const momentSchema = z.tuple([z.string(), z.string(), z.string(), z.int()]);
const placeSchema = z.tuple([z.string(), z.string(), z.int()]);

/** The most that one listing returns. */
export const mostListed = 1000;

export function encodePlace(place: Place): string {
  const { connector, stream } = place.key;
  return Buffer.from(JSON.stringify([connector, stream, place.number])).toString("base64url");
}

/** Throws `ARGUMENT_INVALID` for what `encodePlace` did not make. */
export function decodePlace(text: string): Place {
  const [connector, stream, number] = decode(placeSchema, text);
  return { key: { connector, stream }, number };
}

export function encodeMoment({ atUtc, key: { connector, stream }, number }: Moment): string {
  return Buffer.from(JSON.stringify([atUtc, connector, stream, number])).toString("base64url");
}

/** Throws `ARGUMENT_INVALID` for what `encodeMoment` did not make. */
export function decodeMoment(text: string): Moment {
  const [atUtc, connector, stream, number] = decode(momentSchema, text);
  return { atUtc, key: { connector, stream }, number };
}

function decode<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
  } catch (cause) {
    throw new TidemarkError(
      "ARGUMENT_INVALID",
      "`after` (`cursor` over HTTP) is not the end of an earlier listing",
      { cause },
    );
  }
}

/** Reads the number that a listing of runs ended with. Throws `ARGUMENT_INVALID`. */
export function decodeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new TidemarkError(
    "ARGUMENT_INVALID",
    "`after` (`cursor` over HTTP) is not the end of an earlier listing",
  );
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

export function comparePlaces(a: Place, b: Place): number {
  return compareStreamKeys(a.key, b.key) || a.number - b.number;
}

export function compareMoments(a: Moment, b: Moment): number {
  return compareTexts(a.atUtc, b.atUtc) || comparePlaces(a, b);
}
