import { expect, test } from "vitest";
import { attemptSync } from "../src/engine/run/sync.ts";
import { createHttpPolling } from "../src/inputs/http/input.ts";
import { httpPollingSchema } from "../src/inputs/http/schema.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { MemoryTable, memoryOutput } from "../testing/memory-output.ts";
import { sendJson, startHttpServer } from "./support/http-server.ts";

interface Row {
  readonly id: number;
  readonly at: string;
}

/** Whether a source that was asked from a bound gives a row. */
type Gives = (row: Row, since: string) => boolean;

const byDay: Gives = ({ at }, since) => at.slice(0, 10) >= since.slice(0, 10);
const ignoringTheBound: Gives = () => true;

/** What the source has when a run begins, when that is, and what the pipeline declares by then besides. */
interface Step {
  readonly rows: readonly Row[];
  readonly now?: string;
  readonly keys?: object;
}

/** Runs over what a source has at each time; what each wrote, and the codes of its warnings. */
async function runs(
  gives: Gives,
  states: readonly (readonly Row[] | Step)[],
  keys: object = {},
  appends = false,
) {
  let rows: readonly Row[] = [];
  await using server = await startHttpServer(({ url }, response) => {
    const since = url.searchParams.get("since");
    sendJson(
      response,
      rows.filter((row) => since === null || gives(row, since)),
    );
  });
  const table = new MemoryTable();
  const state = openMemoryState();
  const told = [];
  for (const given of states) {
    const step = isStep(given) ? given : { rows: given };
    rows = step.rows;
    const statePersistence = { timestamp: { field: "at", queryParam: "since" }, ...keys, ...step.keys };
    const input = { type: "httpPolling", endpoint: server.origin, key: "id", statePersistence };
    const before = table.rows.length;
    const pipeline = {
      name: "events",
      key: { connector: "acme", stream: "events" },
      onConcurrentRun: "skip" as const,
      leaseSeconds: 60,
      input: createHttpPolling(httpPollingSchema.parse(input), { random: () => 0 }),
      filters: [],
      output: memoryOutput(table, { appends }),
    };
    const result = await attemptSync(pipeline, {
      state,
      clock: new FakeClock(step.now ?? "2026-06-02T00:00:00Z"),
    });
    if (result.status !== "completed") throw new Error(`the run ended ${result.status}`);
    told.push({
      written: appends ? table.rows.slice(before).map(({ id }) => Number(id)) : result.recordsWritten,
      warnings: result.warnings.map(({ code }) => code),
      messages: result.warnings.map(({ message }) => message),
    });
  }
  return told;
}

function isStep(given: readonly Row[] | Step): given is Step {
  return "rows" in given;
}

const at = (second: number): string =>
  new Date(Date.parse("2026-06-01T00:00:00Z") + second * 1000).toISOString();
const row = (id: number, second: number): Row => ({ id, at: at(second) });
const many = (count: number): Row[] => Array.from({ length: count }, (_, id) => row(id, 100 + id));

test.each([
  ["upsert", false],
  ["append", true],
] as const)(
  "a record that comes late on a day that is read again is delivered once, %s",
  async (_name, appends) => {
    const early = [row(1, 10), row(2, 20), row(3, 30)];
    const late = row(4, 15);
    const told = await runs(byDay, [early, [...early, late], [...early, late]], {}, appends);
    expect(told.map(({ written }) => written)).toEqual(appends ? [[1, 2, 3], [4], []] : [3, 1, 0]);
    expect(told.flatMap(({ warnings }) => warnings)).toEqual([]);
  },
);

test("of a large stream too, where the day's records can be remembered", async () => {
  const early = many(3000);
  const keys = { timestamp: { field: "at", queryParam: "since", queryFormat: "yyyy-MM-dd" } };
  const late = row(9999, 150.5);
  const told = await runs(byDay, [early, [...early, late], [...early, late]], keys);
  expect(told.map(({ written }) => written)).toEqual([3000, 1, 0]);
  expect(told.flatMap(({ warnings }) => warnings)).toEqual([]);
});

test("where there are too many of them to remember, that is reported", async () => {
  const early = many(3000);
  const keys = {
    timestamp: { field: "at", queryParam: "since", queryFormat: "yyyy-MM-dd" },
    maxTieSetSize: 1000,
  };
  const told = await runs(byDay, [early, [...early, row(9999, 150.5)]], keys);
  expect(told.map(({ written, warnings }) => [written, warnings])).toEqual([
    [3000, []],
    [0, ["REREAD_UNKNOWN"]],
  ]);
});

test("a small source that ignores the bound gives its old records silently, and a late one is delivered", async () => {
  const early = [row(1, 10), row(2, 20), row(3, 90_000)];
  const late = row(4, 5);
  const told = await runs(ignoringTheBound, [early, early, [...early, late], [...early, late]]);
  expect(told.map(({ written, warnings }) => [written, warnings])).toEqual([
    [3, []],
    [0, []],
    [1, []],
    [0, []],
  ]);
});

test("a large source that gives what lies below the bound is reported, with the record's key", async () => {
  const early = many(1500);
  const told = await runs(ignoringTheBound, [early, [...early, row(9999, 5)]]);
  expect(told.map(({ written, warnings }) => [written, warnings])).toEqual([
    [1500, []],
    [0, ["RECORD_LATE"]],
  ]);
  expect(told[1]?.messages[0]).toMatch(
    /^the record 0 has the cursor 2026-06-01T00:01:40Z, and the source was asked from/,
  );
});

test("a record that an earlier run delivered ahead of its window is silent when it lies below the watermark", async () => {
  const early = [row(1, 10), row(2, 200_000)];
  const told = await runs(byDay, [early, [...early, row(3, 20)]]);
  expect(told.map(({ written, warnings }) => [written, warnings])).toEqual([
    [2, []],
    [1, []],
  ]);
});

test("what lies before a declared beginning is left out, also where the source gives it", async () => {
  const rows = [
    { id: 1, at: "2026-01-01T00:00:00.000Z" },
    { id: 2, at: "2026-01-02T00:00:00.000Z" },
  ];
  const told = await runs(ignoringTheBound, [rows, rows], { start: "2026-01-02" }, true);
  expect(told.map(({ written }) => written)).toEqual([[2], []]);
});

test("a record that comes late behind a declared beginning is delivered", async () => {
  const before = { id: 1, at: "2026-01-01T00:00:00.000Z" };
  const first = [
    before,
    { id: 2, at: "2026-01-02T00:00:00.000Z" },
    { id: 3, at: "2026-01-05T00:00:00.000Z" },
  ];
  const late = [
    ...first,
    { id: 4, at: "2026-01-03T00:00:00.000Z" },
    { id: 5, at: "2026-01-01T12:00:00.000Z" },
  ];
  const told = await runs(ignoringTheBound, [first, late, late], { start: "2026-01-02" }, true);
  expect(told.map(({ written }) => written)).toEqual([[2, 3], [4], []]);
});

test("what lies before a declared beginning moves no watermark", async () => {
  const before = [
    { id: 1, at: "2026-01-01T00:00:00.000Z" },
    { id: 2, at: "2026-01-01T01:00:00.000Z" },
  ];
  const between = [...before, { id: 3, at: "2026-01-01T02:00:00.000Z" }];
  const told = await runs(ignoringTheBound, [before, between], { start: "2026-01-02" }, true);
  expect(told.map(({ written }) => written)).toEqual([[], []]);
});

test("P6: a record of the future is delivered once, also where a later run reads its day again", async () => {
  const past = many(1500);
  const ahead = { id: 7001, at: "2026-06-03T00:00:05.000Z" };
  const more = [...past, ahead, { id: 7002, at: "2026-06-03T10:00:00.000Z" }];
  const keys = { timestamp: { field: "at", queryParam: "since", queryFormat: "yyyy-MM-dd" } };
  const told = await runs(
    byDay,
    [
      { rows: [...past, ahead], now: "2026-06-01T12:00:00Z" },
      { rows: more, now: "2026-06-04T00:00:00Z" },
      { rows: more, now: "2026-06-04T01:00:00Z" },
    ],
    keys,
    true,
  );
  expect(told.slice(1).map(({ written, warnings }) => [written, warnings])).toEqual([
    [[7002], []],
    [[], []],
  ]);
});

test("P6: what slices delivered is not delivered again once the stream is read without them", async () => {
  const [first, second, third] = [row(1, 10), row(2, 90_000), row(3, 180_000)] as const;
  const sliced = { slices: { step: "P1D" }, until: { queryParam: "until" } };
  const told = await runs(
    ignoringTheBound,
    [
      { rows: [first], now: "2026-06-02T00:00:00Z" },
      { rows: [first, second], now: "2026-06-03T00:00:00Z", keys: sliced },
      { rows: [first, second, third], now: "2026-06-04T00:00:00Z", keys: sliced },
      { rows: [first, second, third], now: "2026-06-04T00:00:00Z" },
    ],
    {},
    true,
  );
  expect(told.map(({ written }) => written)).toEqual([[1], [2], [3], []]);
});

test("late records are found again once a lookback is taken out of the pipeline", async () => {
  const early = many(1500);
  const keys = { timestamp: { field: "at", queryParam: "since", queryFormat: "yyyy-MM-dd" } };
  const newer = [...early, row(7001, 2000)];
  const newest = [...newer, row(7002, 100_000)];
  const late = row(9999, 90_000);
  const told = await runs(
    byDay,
    [
      { rows: early, keys: { lookback: "PT1S" } },
      newer,
      { rows: newest, now: "2026-06-03T00:00:00Z" },
      { rows: [...newest, late], now: "2026-06-03T00:00:00Z" },
    ],
    keys,
  );
  expect(told.map(({ written }) => written)).toEqual([1500, 1, 1, 1]);
});
