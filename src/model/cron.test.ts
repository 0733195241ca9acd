import { Temporal } from "temporal-polyfill";
import { describe, expect, test } from "vitest";
import { cronProblem, parseCron } from "./cron.ts";

/** The first so many times after a moment. */
function times(expression: string, timezone: string, after: string, count: number): string[] {
  const schedule = parseCron(expression, timezone);
  const found: string[] = [];
  let at: number | null = Date.parse(after);
  while (found.length < count) {
    at = schedule.next(at);
    if (at === null) break;
    found.push(new Date(at).toISOString().replace(".000Z", "Z"));
  }
  return found;
}

describe("what is due", () => {
  test.each([
    ["*/10 * * * *", ["2026-11-20T12:10:00Z", "2026-11-20T12:20:00Z"]],
    ["*/15 * * * * *", ["2026-11-20T12:00:15Z", "2026-11-20T12:00:30Z"]],
    ["@hourly", ["2026-11-20T13:00:00Z", "2026-11-20T14:00:00Z"]],
    ["@daily", ["2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"]],
    ["@weekly", ["2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z"]],
    ["@MONTHLY", ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"]],
    ["@yearly", ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]],
    ["0 6 * * MON-FRI", ["2026-11-23T06:00:00Z", "2026-11-24T06:00:00Z"]],
    ["0 0 29 2 *", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]],
    ["0 0 1 * 1", ["2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"]],
  ])("of %s", (expression, expected) => {
    expect(times(expression, "UTC", "2026-11-20T12:00:00Z", 2)).toEqual(expected);
  });

  test("is strictly later, also from between two seconds", () => {
    expect(times("0 12 * * *", "UTC", "2026-11-20T11:59:59.999Z", 1)).toEqual(["2026-11-20T12:00:00Z"]);
    expect(times("0 12 * * *", "UTC", "2026-11-20T12:00:00.000Z", 1)).toEqual(["2026-11-21T12:00:00Z"]);
    expect(times("0 12 * * *", "UTC", "2026-11-20T12:00:00.001Z", 1)).toEqual(["2026-11-21T12:00:00Z"]);
  });

  test("is nothing where no such day ever comes", () => {
    expect(parseCron("0 0 30 2 *", "UTC").next(0)).toBeNull();
    expect(parseCron("0 0 30 2 *", "Europe/Berlin").next(0)).toBeNull();
  });

  test("goes by an offset as by a zone", () => {
    expect(times("30 2 * * *", "+02:00", "2026-03-28T23:00:00Z", 1)).toEqual(["2026-03-29T00:30:00Z"]);
  });
});

describe("where clocks go forward", () => {
  test("a time inside the gap is due at its end, once", () => {
    expect(times("30 2 * * *", "Europe/Berlin", "2026-03-28T02:00:00Z", 2)).toEqual([
      "2026-03-29T01:00:00Z",
      "2026-03-30T00:30:00Z",
    ]);
  });

  test("of several times only those inside the gap move", () => {
    expect(times("30 2,14 * * *", "Europe/Berlin", "2026-03-28T14:00:00Z", 2)).toEqual([
      "2026-03-29T01:00:00Z",
      "2026-03-29T12:30:00Z",
    ]);
  });

  test("a gap at midnight takes no day away", () => {
    expect(times("0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z", 2)).toEqual([
      "2026-09-06T04:00:00Z",
      "2026-09-07T03:00:00Z",
    ]);
    // Here the gap is the last hour of the day, so that its end is on the next.
    expect(times("30 23 * * *", "America/Scoresbysund", "2026-03-28T12:00:00Z", 2)).toEqual([
      "2026-03-29T01:00:00Z",
      "2026-03-30T00:30:00Z",
    ]);
  });

  test("what repeats within the day goes on without a break", () => {
    expect(times("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3)).toEqual([
      "2026-03-29T00:30:00Z",
      "2026-03-29T01:30:00Z",
      "2026-03-29T02:30:00Z",
    ]);
    expect(times("@hourly", "Australia/Lord_Howe", "2026-10-03T14:30:00Z", 2)).toEqual([
      "2026-10-03T16:00:00Z",
      "2026-10-03T17:00:00Z",
    ]);
  });
});

describe("where clocks go back", () => {
  test("each of several times is due once", () => {
    expect(times("30 2,14 * * *", "Europe/Berlin", "2026-10-24T14:00:00Z", 3)).toEqual([
      "2026-10-25T00:30:00Z",
      "2026-10-25T13:30:00Z",
      "2026-10-26T01:30:00Z",
    ]);
  });

  test("a time inside the doubled hour is due the first time, once", () => {
    expect(times("30 2 * * *", "Europe/Berlin", "2026-10-24T02:00:00Z", 2)).toEqual([
      "2026-10-25T00:30:00Z",
      "2026-10-26T01:30:00Z",
    ]);
    expect(times("30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z", 1)).toEqual(["2026-10-26T01:30:00Z"]);
    expect(times("30 2 * * *", "Europe/Berlin", "2026-10-25T01:15:00Z", 1)).toEqual(["2026-10-26T01:30:00Z"]);
  });

  test("what repeats within the day goes on without a break", () => {
    expect(times("30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 3)).toEqual([
      "2026-10-25T00:30:00Z",
      "2026-10-25T01:30:00Z",
      "2026-10-25T02:30:00Z",
    ]);
  });
});

test.each([
  ["Europe/Berlin", 2026],
  ["America/New_York", 2026],
  ["Australia/Lord_Howe", 2026],
  ["America/Santiago", 2026],
  ["America/Scoresbysund", 2026],
  ["Africa/Cairo", 2026],
  ["Pacific/Apia", 2011],
])("a daily schedule is due once for each day of a year: %s", (zone, year) => {
  for (const [hour, minute] of [
    [0, 0],
    [0, 30],
    [1, 30],
    [2, 0],
    [2, 15],
    [3, 0],
    [23, 30],
  ] as const) {
    const schedule = parseCron(`${minute} ${hour} * * *`, zone);
    const expected = new Set<number>();
    let day = Temporal.PlainDate.from({ year, month: 1, day: 1 });
    for (; day.year === year; day = day.add({ days: 1 })) expected.add(dueOn(day, hour, minute, zone));
    const due = new Set<number>();
    let at = Math.min(...expected) - 1;
    while (due.size < expected.size) {
      at = schedule.next(at) ?? Number.NaN;
      due.add(at);
    }
    expect(due).toEqual(expected);
  }
});

/** A wall time of a day; the end of the gap where the clocks pass over it. */
function dueOn(day: Temporal.PlainDate, hour: number, minute: number, zone: string): number {
  const wall = day.toPlainDateTime({ hour, minute });
  const at = wall.toZonedDateTime(zone, { disambiguation: "earlier" });
  if (at.toPlainDateTime().equals(wall)) return at.epochMilliseconds;
  return at.getTimeZoneTransition("next")?.epochMilliseconds ?? Number.NaN;
}

describe("what is no cron expression", () => {
  test.each([
    ["60 * * * *", 0, "`60` cannot be the minute, which is 0 to 59"],
    ["0 24 * * *", 2, "`24` cannot be the hour, which is 0 to 23"],
    ["  0 2 x * *", 6, "`x` cannot be the day of the month, which is 1 to 31, or L for the last"],
    ["0 0 0 1 13 *", 8, "`13` cannot be the month, which is 1 to 12, or JAN to DEC"],
    ["*/0 * * * *", 0, "`*/0` cannot be the minute, which is 0 to 59"],
    ["? * * * *", 0, "`?` cannot be the minute, which is 0 to 59"],
    ["* * *", 0, "it has 3 fields; five are needed, or six with seconds first"],
    ["0 0 0 1 1 * 2030", 0, "it has 7 fields; five are needed, or six with seconds first"],
    ["2026-01-01T00:00:00", 0, "it has 1 field; five are needed, or six with seconds first"],
    [" ", 0, "it is empty"],
  ])("%s", (expression, offset, message) => {
    expect(cronProblem(expression)).toEqual({ offset, message });
    expect(() => parseCron(expression, "UTC")).toThrow(message);
  });

  test.each(["@reboot", "@every 5m"])("%s", (expression) => {
    expect(cronProblem(expression)?.message).toContain(`\`${expression}\` is not known`);
  });
});
