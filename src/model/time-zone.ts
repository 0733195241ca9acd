import { Temporal } from "temporal-polyfill";
import { TidemarkError } from "../errors.ts";
import { secondsPerDay, wallTimeOfSeconds } from "./calendar.ts";
import { unreadableValue } from "./unreadable-value.ts";

/** A time between two changes of a zone's offset, in seconds since 1970, and the offset in seconds. */
interface Stretch {
  readonly from: number;
  readonly until: number;
  readonly offset: number;
}

/** A cache: a zone lookup is slow, and consecutive records mostly fall between the same two changes of offset. */
const stretchesByZone = new Map<string, Stretch[]>();

/** More than the largest jump that a zone ever made (a whole day, across the date line). */
const margin = 26 * 3600;

/** The years that named zones are known for. */
const zoneLimit = 8.64e12 - 2 * secondsPerDay;

/** Throws `ARGUMENT_INVALID` for a name that is no time zone: `Europe/Berlin`, `UTC`, `+02:00` are. */
export function checkTimeZone(timezone: string): void {
  if (timezone === "UTC" || stretchesByZone.has(timezone)) return;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timezone);
  } catch (cause) {
    throw new TidemarkError("ARGUMENT_INVALID", `${JSON.stringify(timezone)} is not a time zone`, {
      hint: "Name it as the IANA database does (Europe/Berlin), as UTC, or as an offset (+02:00).",
      cause,
    });
  }
}

/** The zone's offset from UTC at a point in time, in seconds. */
export function offsetAt(seconds: number, timezone: string): number {
  return timezone === "UTC" ? 0 : stretchAt(seconds, timezone).offset;
}

/**
 * The point in time at which the zone's clocks show a wall time, both in seconds since 1970. Of two
 * such points (clocks put back) it is the earlier; where there is none (clocks put forward) the wall
 * time is read by the offset before the change.
 */
export function secondsOfLocal(local: number, timezone: string): number {
  if (timezone === "UTC") return local;
  const stretches = stretchesByZone.get(timezone);
  if (stretches !== undefined) {
    for (const { from, until, offset } of stretches) {
      const seconds = local - offset;
      if (seconds >= from + margin && seconds < until - margin) return seconds;
    }
  }
  checkTimeZone(timezone);
  checkKnown(local, timezone);
  const wall = Temporal.PlainDateTime.from(wallTimeOfSeconds(local, 0));
  const seconds = wall.toZonedDateTime(timezone, { disambiguation: "compatible" }).epochMilliseconds / 1000;
  stretchAt(seconds, timezone);
  return seconds;
}

/**
 * Where clocks were or will be put back around a point in time, so that what they show is shown
 * twice: the point in time at which the ambiguity begins, else null.
 */
export function ambiguitySince(seconds: number, timezone: string): number | null {
  if (timezone === "UTC") return null;
  const here = stretchAt(seconds, timezone);
  if (Number.isFinite(here.until)) {
    const overlap = here.offset - stretchAt(here.until, timezone).offset;
    if (overlap > 0 && seconds >= here.until - overlap) return here.until - overlap;
  }
  if (Number.isFinite(here.from)) {
    const overlap = stretchAt(here.from - 1, timezone).offset - here.offset;
    if (overlap > 0 && seconds < here.from + overlap) return here.from - overlap;
  }
  return null;
}

/**
 * Finds ambiguous wall times of the zone: clocks set back show each time twice, and clocks set forward leave times out,
 * which some sources still write. For a point in time that such a wall time may mean, it returns where the ambiguous
 * period begins; else null.
 */
export function unclearSince(seconds: number, timezone: string): number | null {
  if (timezone === "UTC") return null;
  const here = stretchAt(seconds, timezone);
  if (Number.isFinite(here.from)) {
    const leftOut = here.offset - stretchAt(here.from - 1, timezone).offset;
    if (leftOut > 0 && seconds < here.from + leftOut) return here.from;
  }
  return ambiguitySince(seconds, timezone);
}

function stretchAt(seconds: number, timezone: string): Stretch {
  const known = stretchesByZone.get(timezone);
  if (known !== undefined) {
    for (const stretch of known) {
      if (seconds >= stretch.from && seconds < stretch.until) return stretch;
    }
  }
  checkTimeZone(timezone);
  checkKnown(seconds, timezone);
  const found = lookUp(seconds, timezone);
  if (known === undefined) stretchesByZone.set(timezone, [found]);
  else known.unshift(found);
  return found;
}

function lookUp(seconds: number, timezone: string): Stretch {
  const here = Temporal.Instant.fromEpochMilliseconds(seconds * 1000).toZonedDateTimeISO(timezone);
  const next = here.getTimeZoneTransition("next");
  const previous = here.add({ nanoseconds: 1 }).getTimeZoneTransition("previous");
  return {
    from: previous === null ? Number.NEGATIVE_INFINITY : previous.epochMilliseconds / 1000,
    until: next === null ? Number.POSITIVE_INFINITY : next.epochMilliseconds / 1000,
    offset: here.offsetNanoseconds / 1e9,
  };
}

function checkKnown(seconds: number, timezone: string): void {
  if (Math.abs(seconds) <= zoneLimit) return;
  const { year } = wallTimeOfSeconds(seconds, 0);
  throw unreadableValue(
    `year ${year}`,
    `a time in ${timezone}`,
    "zones are known for the years -271,821 to 275,760",
  );
}
