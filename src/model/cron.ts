import { Cron } from "croner";
import { Temporal } from "temporal-polyfill";
import { TidemarkError } from "../errors.ts";

/** When something is due, by a cron expression in a time zone. */
export interface CronSchedule {
  readonly expression: string;
  readonly timezone: string;
  /** The first time strictly after another, both in milliseconds since 1970; null where none ever comes. */
  next(after: number): number | null;
}

/** Why a text is not a cron expression, and the position of the error. */
export interface CronProblem {
  readonly message: string;
  readonly offset: number;
}

/** Each field in its order, with what it may hold; the first is left out of expressions of five. */
const fields = [
  ["second", "0 to 59"],
  ["minute", "0 to 59"],
  ["hour", "0 to 23"],
  ["day of the month", "1 to 31, or L for the last"],
  ["month", "1 to 12, or JAN to DEC"],
  ["day of the week", "0 to 7 with Sunday as both, or SUN to SAT"],
] as const;

const nicknames = ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"];

/**
 * Reads a cron expression: five fields (minute, hour, day of the month, month, day of the week), six with seconds
 * before them, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. Where both days are given, either makes it
 * due.
 *
 * Where clocks change, an expression that names its times (`30 2 * * *`, `0 6,18 * * *`) is due once for each: a time
 * that is skipped moves to the first moment after the gap, and of one that comes twice the first is taken. One that
 * repeats within the day (`*`, a step) goes by what the clocks show: nothing in the gap, and both of what comes twice.
 *
 * Throws `ARGUMENT_INVALID`; `cronProblem` checks without throwing.
 */
export function parseCron(expression: string, timezone: string): CronSchedule {
  const problem = cronProblem(expression);
  if (problem !== null) {
    throw new TidemarkError("ARGUMENT_INVALID", `"${expression}" is no schedule: ${problem.message}`);
  }
  const cron = open(expression, timezone);
  const gaps = namesItsTimes(expression) && timezone !== "UTC" ? skippedTimes(expression, timezone) : null;
  return {
    expression,
    timezone,
    next(after) {
      const next = cron.nextRun(new Date(after))?.getTime() ?? null;
      return gaps?.(after, next) ?? next;
    },
  };
}

/** Whether an expression says its times of day, rather than how often it repeats within one. */
function namesItsTimes(expression: string): boolean {
  const parts = expression.trim().split(/\s+/);
  if (parts.length === 1) return parts[0]?.toLowerCase() !== "@hourly";
  return !/[*/]/.test(parts.slice(0, -3).join(" "));
}

/**
 * Finds what `cron.nextRun` passes over: a time of one day that is skipped by a gap that ends on the
 * next, as where clocks go forward at the stroke of midnight.
 */
function skippedTimes(
  expression: string,
  timezone: string,
): (after: number, before: number | null) => number | null {
  const wall = open(expression, "UTC");
  return (after, before) => {
    let here = Temporal.Instant.fromEpochMilliseconds(after).toZonedDateTimeISO(timezone);
    // Without a next time there is no end to look to, and a skipped time has others like it.
    while (before !== null) {
      const change = here.getTimeZoneTransition("next");
      if (change === null || change.epochMilliseconds >= before) return null;
      const opens = wallTime(change.subtract({ nanoseconds: 1 })) + 1;
      const closes = wallTime(change);
      const skipped = closes > opens ? wall.nextRun(new Date(opens - 1)) : null;
      if (skipped !== null && skipped.getTime() < closes) return change.epochMilliseconds;
      here = change;
    }
    return null;
  };
}

/** What a zone's clocks show, as if it were UTC, in whole milliseconds. */
function wallTime(at: Temporal.ZonedDateTime): number {
  return at.toPlainDateTime().toZonedDateTime("UTC").epochMilliseconds;
}

/** What is wrong with a cron expression; null if it is valid. */
export function cronProblem(expression: string): CronProblem | null {
  const parts = [...expression.matchAll(/\S+/g)];
  const [first] = parts;
  if (first === undefined) return { message: "it is empty", offset: 0 };
  if (first[0].startsWith("@")) return nicknameProblem(expression.trim(), first.index);
  if (parts.length !== 5 && parts.length !== 6) {
    const message = `it has ${parts.length} ${parts.length === 1 ? "field" : "fields"}; five are needed, or six with seconds first`;
    return { message, offset: first.index };
  }
  for (const [place, { 0: part, index }] of parts.entries()) {
    const position = place + fields.length - parts.length;
    const [name, range] = fields[position] ?? fields[0];
    if (isReadable(part, position)) continue;
    return { message: `\`${part}\` cannot be the ${name}, which is ${range}`, offset: index };
  }
  return null;
}

function nicknameProblem(nickname: string, offset: number): CronProblem | null {
  if (nicknames.includes(nickname.toLowerCase())) return null;
  return { message: `\`${nickname}\` is not known; there are ${nicknames.join(", ")}`, offset };
}

/** A `?` would mean the time at which the file is read, so that every read would differ. */
function isReadable(part: string, position: number): boolean {
  if (part.includes("?")) return false;
  const alone = fields.map((_, index) => (index === position ? part : "*")).join(" ");
  try {
    open(alone, "UTC");
    return true;
  } catch {
    return false;
  }
}

function open(expression: string, timezone: string): Cron {
  return new Cron(expression.trim(), {
    timezone,
    paused: true,
    mode: "5-or-6-parts",
    fixedTimeRule: "no-wildcard",
  });
}
