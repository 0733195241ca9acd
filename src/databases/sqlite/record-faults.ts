import type { TidemarkError } from "../../errors.ts";
import { faultFoundHere, type RecordFault } from "../table/record-fault.ts";

/** By it an upsert refuses to replace the row of another key; a trigger may say it of a value. */
const anyError = 1;

/** SQLite's result codes: a value that is too large, a constraint, a type that a strict column does not take. */
const tooBig = 18;
const constraint = 19;
const mismatch = 20;
const foreignKey = 787;
const primaryKey = 1555;
const unique = 2067;

/** `UNIQUE constraint failed: t.a, t.b`; `cannot store TEXT value in INTEGER column t.a`. */
const failed = /(?:constraint failed|column):? ([^\s,]+(?:, [^\s,]+)*)$/;

export function sqliteFault(error: TidemarkError): RecordFault | null {
  const own = faultFoundHere(error);
  if (own !== null) return own;
  const errcode = Number(error.details?.errcode);
  const primary = errcode & 0xff;
  const isOwn = primary === anyError && /malformed JSON|integer overflow/.test(error.message);
  const isOfRows = isOwn || primary === tooBig || primary === constraint || primary === mismatch;
  if (error.code !== "QUERY_FAILED" || !isOfRows) return null;
  const [, list] = failed.exec(error.message) ?? [];
  const names = list?.split(", ") ?? [];
  const columns = (names.every((name) => name.includes(".")) ? names : []).map((name) =>
    name.slice(name.indexOf(".") + 1),
  );
  const awaitsOthers = errcode === foreignKey || errcode === unique || errcode === primaryKey;
  const places = placesIn(error);
  return { columns, awaitsOthers, ...(places === null ? {} : { places }) };
}

function placesIn({ details }: TidemarkError): number[] | null {
  const places: unknown = details?.places;
  return Array.isArray(places) ? places.map(Number) : null;
}
