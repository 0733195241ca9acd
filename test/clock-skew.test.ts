import { describe, expect, test } from "vitest";
import type { Input } from "../src/engine/ports.ts";
import { attemptSync } from "../src/engine/run/sync.ts";
import { createHttpPolling } from "../src/inputs/http/input.ts";
import { httpPollingSchema } from "../src/inputs/http/schema.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { MemoryTable, memoryOutput } from "../testing/memory-output.ts";
import { sendJson, startHttpServer } from "./support/http-server.ts";

/** What time it is where the source is. */
const sourceNow = Date.parse("2026-06-01T12:00:00Z");

interface Row {
  readonly id: number;
  readonly at: string;
}

/** The input, with a clock that it can be asked for, as databases have one. */
function withClock(input: Input, now: number): Input {
  return {
    ...input,
    async open(context) {
      const session = await input.open(context);
      return {
        now: async () => now,
        read: (request) => session.read(request),
        close: () => session.close(),
      };
    },
  };
}

interface Scene {
  /** Whether the source is asked for its time. */
  readonly asks?: boolean;
  readonly headers?: Record<string, string>;
  readonly keys?: object;
}

/** Runs of a pipeline whose source says its time, on a worker whose clock says another. */
async function scene(scene: Scene, runs: readonly { clock: string; rows: readonly Row[] }[]) {
  let rows: readonly Row[] = [];
  const headers = scene.headers ?? { date: new Date(sourceNow).toUTCString() };
  await using server = await startHttpServer(({ url }, response) => {
    const since = Date.parse(url.searchParams.get("since") ?? "1970-01-01T00:00:00Z");
    sendJson(
      response,
      rows.filter(({ at }) => Date.parse(at) >= since),
      headers,
    );
  });
  const table = new MemoryTable();
  const state = openMemoryState();
  const statePersistence = { timestamp: { field: "at", queryParam: "since" }, ...scene.keys };
  const input = { type: "httpPolling", endpoint: server.origin, key: "id", statePersistence };
  const results = [];
  for (const run of runs) {
    rows = run.rows;
    const polling = createHttpPolling(httpPollingSchema.parse(input), { random: () => 0 });
    const pipeline = {
      name: "events",
      key: { connector: "acme", stream: "events" },
      onConcurrentRun: "skip" as const,
      leaseSeconds: 60,
      input: scene.asks === true ? withClock(polling, sourceNow) : polling,
      filters: [],
      output: memoryOutput(table, { appends: true }),
    };
    const result = await attemptSync(pipeline, { state, clock: new FakeClock(run.clock) });
    if (result.status !== "completed") throw new Error(`the run ended ${result.status}`);
    results.push(result);
  }
  return {
    ids: table.rows.map(({ id }) => Number(id)).sort((a, b) => a - b),
    watermarks: results.map(({ newCursor }) => newCursor),
    warnings: results.map((result) => result.warnings.map(({ code }) => code)),
    messages: results.flatMap((result) => result.warnings.map(({ message }) => message)),
  };
}

const row = (id: number, at: string): Row => ({ id, at });
const early = [row(1, "2026-06-01T10:00:00.000Z"), row(2, "2026-06-01T11:00:00.000Z")];
const late = [...early, row(3, "2026-06-01T11:30:00.000Z")];
const future = row(9, "2030-01-01T00:00:00.000Z");

describe.each([{}, { order: "ascending" }] as const)("%j", (keys) => {
  test("P6: a worker years ahead of its source does not let a record of the future move the watermark", async () => {
    const { ids, watermarks, warnings, messages } = await scene({ keys }, [
      { clock: "2036-06-01T12:00:00Z", rows: [...early, future] },
      { clock: "2026-06-01T12:00:00Z", rows: [...late, future] },
    ]);
    expect(ids).toEqual([1, 2, 3, 9]);
    expect(watermarks).toEqual(["2026-06-01T11:00:00Z", "2026-06-01T11:30:00Z"]);
    expect(warnings).toEqual([["CLOCK_SKEW"], []]);
    expect(messages[0]).toMatch(/3653 days ahead of the source's/);
  });

  test("P6: a worker a year behind its source delivers what the source has, once, and moves on", async () => {
    const { ids, watermarks, warnings } = await scene({ keys }, [
      { clock: "2026-06-01T12:00:00Z", rows: early },
      { clock: "2025-06-01T12:00:00Z", rows: [...late, future] },
      { clock: "2025-06-01T12:00:00Z", rows: [...late, future] },
    ]);
    expect(ids).toEqual([1, 2, 3, 9]);
    expect(watermarks.at(-1)).toBe("2026-06-01T11:30:00Z");
    expect(warnings).toEqual([[], ["CLOCK_SKEW"], ["CLOCK_SKEW"]]);
  });
});

describe("a source whose clock is a little behind", () => {
  /** Two records change while the list, which is sorted by id, is read: one that was read, one that was not. */
  async function changedDuringARead(behindSeconds: number, keys: object, age = 7200) {
    const clock = new FakeClock("2026-06-01T12:00:00Z");
    const there = (seconds: number): string =>
      new Date(clock.now() + (seconds - behindSeconds) * 1000).toISOString();
    const rows = Array.from({ length: 8 }, (_, at) => ({ id: at + 1, at: there(at - age), v: 0 }));
    const change = (id: number, at: string): void => {
      rows.splice(id - 1, 1, { id, at, v: 1 });
    };
    let isFirst = true;
    await using server = await startHttpServer(({ url }, response) => {
      const since = url.searchParams.get("since") ?? "";
      const until = url.searchParams.get("until") ?? "9";
      const at = Number(url.searchParams.get("token") ?? "0");
      // Before it reads slices, the input tries its bounds over a day and more.
      if (at === 2 && isFirst && !since.startsWith("2026-05")) {
        isFirst = false;
        change(1, there(0.2));
        change(7, there(1.5));
      }
      const items = rows.filter((row) => row.at >= since && row.at <= until);
      const next = at + 2 < items.length ? String(at + 2) : null;
      const date = { date: new Date(Math.floor(Date.parse(there(0)) / 1000) * 1000).toUTCString() };
      sendJson(response, { items: items.slice(at, at + 2), next }, date);
    });
    const pagination = { type: "cursor", param: "token", nextCursorField: "next" };
    const input = {
      type: "httpPolling",
      endpoint: server.origin,
      dataField: "items",
      key: "id",
      pagination,
      statePersistence: { timestamp: { field: "at", queryParam: "since" }, ...keys },
    };
    const state = openMemoryState();
    const table = new MemoryTable();
    const warnings: string[] = [];
    for (const waits of [0, 600]) {
      await clock.advance(waits * 1000);
      const result = await attemptSync(
        {
          name: "events",
          key: { connector: "acme", stream: "events" },
          onConcurrentRun: "skip",
          leaseSeconds: 60,
          input: createHttpPolling(httpPollingSchema.parse(input), { random: () => 0 }),
          filters: [],
          output: memoryOutput(table, { appends: true }),
        },
        { state, clock },
      );
      expect(result.error).toBeNull();
      warnings.push(...result.warnings.map(({ code }) => code));
    }
    const changed = table.rows.filter(({ v }) => v === 1).map(({ id }) => Number(id));
    return { changed: changed.sort((a, b) => a - b), warnings };
  }

  test.each([0, 1, 5, 60, 280])("P6: %i s: a change during the read is not lost", async (behind) => {
    expect(await changedDuringARead(behind, {})).toEqual({ changed: [1, 7], warnings: [] });
  });

  const slices = { step: "PT40S", concurrency: 2 };
  const sliced = { start: "2026-06-01T09:00:00Z", until: { queryParam: "until" }, slices };
  const apart = [0, 1, 5, 60, 280].flatMap((behind) =>
    [10, 25, 39, 7200].map((age) => [behind, age] as const),
  );
  test.each(apart)("P6: %i s: nor where it is read in slices, records %i s old", async (behind, age) => {
    expect(await changedDuringARead(behind, sliced, age)).toEqual({ changed: [1, 7], warnings: [] });
  });

  test("P6: settle goes by the earlier of the two clocks", async () => {
    const young = row(3, "2026-06-01T11:59:58.000Z");
    const shownLate = row(4, "2026-06-01T11:59:30.000Z");
    const { ids, watermarks } = await scene({ keys: { settle: "PT1M" } }, [
      { clock: "2026-06-01T12:04:00Z", rows: [...early, young] },
      { clock: "2026-06-01T12:04:00Z", rows: [...early, shownLate, young] },
    ]);
    expect(ids).toEqual([1, 2]);
    expect(watermarks).toEqual(["2026-06-01T11:00:00Z", "2026-06-01T11:00:00Z"]);
  });
});

const goesOn = { type: "cursor", param: "token", nextCursorField: "next" };
const readsAgain = { type: "page", param: "page" };
test.each([
  ["goes on where an earlier run failed", goesOn],
  ["reads it from its start", readsAgain],
])(
  "P1: a run that %s loses nothing of a window, however late its first answer comes",
  async (_name, pagination) => {
    const clock = new FakeClock("2026-06-01T12:00:00Z");
    const before = (milliseconds: number): string => new Date(sourceNow - milliseconds).toISOString();
    const ages = [210, 9000, 8000, 7000, 300, 6000];
    const rows = ages.map((age, at) => ({ id: at + 1, at: before(age) }));
    let answers = 0;
    await using server = await startHttpServer(async ({ url }, response) => {
      answers += 1;
      // The last page fails; the run that goes on there waits long for its first answer, within the same second.
      if (answers === 3) return void response.writeHead(500).end();
      if (answers === 4) await clock.advance(500);
      const items = rows.filter((row) => row.at >= (url.searchParams.get("since") ?? ""));
      const page = url.searchParams.get("page");
      const at = page === null ? Number(url.searchParams.get("token") ?? "0") : (Number(page) - 1) * 2;
      const next = at + 2 < items.length ? String(at + 2) : null;
      const date = new Date(Math.floor(clock.now() / 1000) * 1000).toUTCString();
      sendJson(response, { items: items.slice(at, at + 2), next }, { date });
    });
    const input = httpPollingSchema.parse({
      type: "httpPolling",
      endpoint: server.origin,
      dataField: "items",
      key: "id",
      retry: { attempts: 1 },
      pagination,
      statePersistence: { timestamp: { field: "at", queryParam: "since" }, settle: "PT0.2S" },
    });
    const table = new MemoryTable();
    const pipeline = {
      name: "events",
      key: { connector: "acme", stream: "events" },
      onConcurrentRun: "skip" as const,
      leaseSeconds: 60,
      input: createHttpPolling(input, { random: () => 0 }),
      filters: [],
      output: memoryOutput(table, { appends: true }),
    };
    const state = openMemoryState();
    const ends: string[] = [];
    for (const waits of [0, 300, 60_000]) {
      await clock.advance(waits);
      ends.push((await attemptSync(pipeline, { state, clock })).status);
    }
    expect(ends).toEqual(["failed", "completed", "completed"]);
    expect(table.rows.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
  },
);

test("up to five minutes between the clocks are nothing to tell", async () => {
  const { warnings } = await scene({}, [{ clock: "2026-06-01T12:04:59Z", rows: early }]);
  expect(warnings).toEqual([[]]);
});

test("a database's clock is reported in the same way, and cuts off what lies in the future", async () => {
  const { ids, watermarks, warnings } = await scene({ asks: true, headers: {} }, [
    { clock: "2036-06-01T12:00:00Z", rows: [...early, future] },
  ]);
  expect([ids, watermarks, warnings]).toEqual([[1, 2, 9], ["2026-06-01T11:00:00Z"], [["CLOCK_SKEW"]]]);
});

test("settle goes by the source's clock", async () => {
  const { ids, watermarks } = await scene({ keys: { settle: "PT40M" } }, [
    { clock: "2027-06-01T12:00:00Z", rows: late },
  ]);
  expect([ids, watermarks]).toEqual([[1, 2], ["2026-06-01T11:00:00Z"]]);
});

test("a window whose end was sent to the source is not taken to end later", async () => {
  const keys = { until: { queryParam: "until" } };
  const { watermarks, warnings } = await scene({ keys }, [{ clock: "2026-06-01T10:30:00Z", rows: early }]);
  expect([watermarks, warnings]).toEqual([["2026-06-01T10:00:00Z"], [["CLOCK_SKEW"]]]);
});

test.each([
  ["an answer that lay in a cache, by its age", { date: "Mon, 01 Jun 2026 09:00:00 GMT", age: "10800" }, []],
  ["an answer that a cache says it had", { date: "Mon, 01 Jun 2026 09:00:00 GMT", "x-cache": "HIT" }, []],
  ["an age beside the present date of a cache", { date: "Mon, 01 Jun 2026 12:00:00 GMT", age: "7200" }, []],
  [
    "an age and a date that are wrong",
    { date: "Mon, 01 Jun 2026 15:00:00 GMT", age: "7200" },
    ["CLOCK_SKEW"],
  ],
  ["the date of a device whose clock was never set", { date: "Thu, 01 Jan 1970 00:20:00 GMT" }, []],
  ["no date", {}, []],
  ["a date that is none", { date: "yesterday" }, []],
])("%s: %j", async (_name, headers, expected) => {
  const { warnings } = await scene({ headers }, [{ clock: "2026-06-01T12:00:00Z", rows: early }]);
  expect(warnings).toEqual([expected]);
});
