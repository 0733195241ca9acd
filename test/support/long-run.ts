/** Set by `npm run test:long`, which plays the larger number of everything that has two. */
const isLong = process.env.TIDEMARK_LONG === "1";

/** A number of deaths, rounds, histories or records: the first in `npm test`, the second in `npm run test:long`. */
export function inLongRun<Value>(normal: Value, long: Value): Value {
  return isLong ? long : normal;
}

/** As many random histories as `npm run test:long -- --histories N` asks for, or so many in `npm test`. */
export function historiesOr(normal: number): number {
  return Number(process.env.TIDEMARK_HISTORIES ?? normal);
}
