import { describe, expect, test } from "vitest";
import { sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { MemoryTable, memoryOutput } from "../../../testing/memory-output.ts";
import { attemptSync } from "../../engine/run/sync.ts";
import { openMemoryState } from "../../state/storage/memory/memory.ts";
import { createHttpPolling } from "./input.ts";
import { httpPollingSchema } from "./schema.ts";

interface Row {
  readonly id: number | string;
  readonly at: string;
}

const minute = (count: number): string =>
  new Date(Date.parse("2026-03-01T00:00:00Z") + count * 60_000).toISOString();
const rowsUpTo = (count: number): Row[] =>
  Array.from({ length: count }, (_, index) => ({ id: index + 1, at: minute(index) }));
const row = (id: number): Row => ({ id, at: minute(id - 1) });

/** Which rows a source gives for the parameters that it is sent. */
type Source = (rows: readonly Row[], sent: URLSearchParams) => readonly Row[];

/** Compares moments, as sources do that read the bound as it is meant. */
const byTime =
  (read: (text: string) => number): Source =>
  (rows, sent) => {
    const since = sent.get("since");
    return since === null ? rows : rows.filter(({ at }) => Date.parse(at) >= read(since));
  };
const meant = byTime((text) => Date.parse(text));
const inSeconds = byTime((text) => Number(text) * 1000);
const twoHoursOff = byTime((text) => Date.parse(text) + 7_200_000);
const toTheSecond: Source = (rows, sent) => {
  const second = (text: string) => Math.floor(Date.parse(text) / 1000);
  const since = sent.get("since");
  return since === null ? rows : rows.filter(({ at }) => second(at) > second(since));
};

interface Scene {
  readonly source: Source;
  /** Under `statePersistence`, by run. */
  readonly timestamp?: object | ((run: number) => object);
  readonly keys?: object;
  readonly appends?: boolean;
}

/** Runs over these rows, and the warnings of each that are about the bound. */
async function runs(
  { source, timestamp = {}, keys = {}, appends = false }: Scene,
  rows: readonly (readonly Row[])[],
) {
  let now: readonly Row[] = [];
  await using server = await startHttpServer(({ url }, response) => {
    sendJson(response, source(now, url.searchParams));
  });
  const state = openMemoryState();
  const table = new MemoryTable();
  const told: string[][] = [];
  for (const [at, given] of rows.entries()) {
    now = given;
    const declared = typeof timestamp === "function" ? timestamp(at + 1) : timestamp;
    const config = httpPollingSchema.parse({
      type: "httpPolling",
      endpoint: server.origin,
      key: "id",
      statePersistence: { timestamp: { field: "at", queryParam: "since", ...declared } },
      ...keys,
    });
    const result = await attemptSync(
      {
        name: "events",
        key: { connector: "acme", stream: "events" },
        onConcurrentRun: "skip",
        leaseSeconds: 60,
        input: createHttpPolling(config, { random: () => 0 }),
        filters: [],
        output: memoryOutput(table, { appends }),
      },
      { state },
    );
    expect(result.error).toBeNull();
    told.push(
      result.warnings
        .filter(({ code }) => code === "WATERMARK_NOT_SEEN" || code === "RECORD_LATE")
        .map(({ code, message }) => `${code}: ${message}`),
    );
  }
  return { told, runs: told.flatMap((messages, at) => (messages.length > 0 ? [at + 1] : [])), table };
}

const growing = Array.from({ length: 9 }, (_, at) => rowsUpTo(3 + at * 200));

describe("a bound that stops the stream", () => {
  test("is reported once where nothing comes at all, with what was sent and what to check", async () => {
    const wrong = { source: inSeconds, timestamp: { queryFormat: "epoch_ms" } };
    const { told, runs: at } = await runs(wrong, [...growing.slice(0, 4), ...growing.slice(3)]);
    expect(at).toEqual([3]);
    expect(told.flat()[0]).toMatch(
      /`since=\d{13}`.*watermark 2026-03-01T00:02:00Z.*nothing at all.*`queryFormat`/,
    );
  });

  test("is reported again and again, ever more seldom, where only some records come", async () => {
    const { told, runs: at } = await runs({ source: twoHoursOff }, growing);
    expect(at).toEqual([3, 5, 9]);
    expect(told.flat()[0]).toMatch(/only later records.*in 2 runs.*`timezone`.*`tidemark backfill`/);
  });

  test("warns of a source that rounds to the second and compares with >", async () => {
    const rows = growing
      .slice(0, 4)
      .map((list) => list.map(({ id, at }) => ({ id, at: at.replace(".000Z", ".400Z") })));
    expect((await runs({ source: toTheSecond }, rows)).runs).toEqual([3]);
    const coarse = { source: toTheSecond, timestamp: { granularity: "1s" } };
    expect((await runs(coarse, rows)).runs).toEqual([]);
  });

  test("is reported where it was right, and is declared otherwise since", async () => {
    const changed = (run: number): object => ({ queryFormat: run < 4 ? "epoch_s" : "epoch_ms" });
    expect((await runs({ source: inSeconds, timestamp: changed }, growing.slice(0, 7))).runs).toEqual([5]);
  });
});

describe("a bound that works", () => {
  test.each(["ascending", "unordered", "descending"])("is never told of: %s", async (order) => {
    const quiet = [rowsUpTo(3), rowsUpTo(3), rowsUpTo(3), rowsUpTo(3)];
    const source: Source = (rows, sent) => {
      const found = meant(rows, sent);
      return order === "descending" ? found.toReversed() : found;
    };
    for (const rows of [quiet, growing.slice(0, 5)]) {
      const keys = { statePersistence: { timestamp: { field: "at", queryParam: "since" }, order } };
      expect((await runs({ source, keys }, rows)).runs).toEqual([]);
    }
  });

  test("is proven once: records that are deleted later are nothing to tell", async () => {
    const gone = [row(1), row(2)];
    expect((await runs({ source: meant }, [rowsUpTo(3), rowsUpTo(3), gone, gone, gone])).runs).toEqual([]);
  });

  test("is reported once at most where the newest record was deleted before any proof", async () => {
    const gone = [row(1), row(2)];
    const later = [...gone, row(9)];
    const all = [rowsUpTo(3), gone, gone, gone, gone, later, later, later, gone, gone];
    expect((await runs({ source: meant }, all)).runs).toEqual([3]);
  });

  test.each([true, false])(
    "is not doubted where the newest record is changed between runs (append: %s)",
    async (appends) => {
      const changing = Array.from({ length: 6 }, (_, at) => [row(1), { id: 2, at: minute(at + 5) }]);
      expect((await runs({ source: meant, appends }, changing)).runs).toEqual([]);
    },
  );

  test("nor where one of those that share the watermark is left", async () => {
    const tied = [row(1), { id: 2, at: minute(0) }];
    expect((await runs({ source: meant }, [tied, [row(1)], [row(1)], [row(1)]])).runs).toEqual([]);
  });

  test("nor on a stream without a key, or one that is read by seek or in partitions", async () => {
    const seek = { type: "seek", limitParam: "limit", limit: 1000 };
    const timestamp = { field: "at", queryParam: "since" };
    for (const keys of [
      { key: undefined },
      { pagination: seek, statePersistence: { timestamp, order: "ascending" } },
      { partitions: { values: ["a", "b"] }, queryParams: { of: "{{ partition }}" } },
    ]) {
      const source: Source = (rows, sent) => (sent.get("of") === "b" ? [] : meant(rows, sent));
      expect((await runs({ source, keys }, growing.slice(0, 5))).runs).toEqual([]);
    }
  });

  test("and is reported in partitions if none of them sees its watermark again", async () => {
    const keys = { partitions: { values: ["a", "b"] }, queryParams: { of: "{{ partition }}" } };
    expect((await runs({ source: twoHoursOff, keys }, growing.slice(0, 4))).runs).toEqual([3]);
  });
});

describe("P7: ids in text that the source compares as text", () => {
  const ids = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ id: String(at + 1), at: minute(at) }));
  const asText: Source = (rows, sent) => rows.filter(({ id }) => String(id) >= (sent.get("after") ?? ""));
  const asNumber: Source = (rows, sent) =>
    rows.filter(({ id }) => Number(id) >= Number(sent.get("after") ?? 0));
  const keys = (type = "numeric") => ({
    statePersistence: { id: { field: "id", queryParam: "after", type } },
  });

  test("are reported by the first run that is given known ids from below the bound, and once", async () => {
    const rows = [ids(25), ids(25), ids(25)];
    const { told, runs: at } = await runs({ source: asText, keys: keys() }, rows);
    expect(at).toEqual([2]);
    expect(told.flat()[0]).toMatch(/`after=24`.*cursor [3-9],.*`type: text`/);
  });

  test("and not where they are compared as numbers", async () => {
    expect((await runs({ source: asNumber, keys: keys() }, [ids(25), ids(25), ids(110)])).runs).toEqual([]);
  });

  test("a bound that the source ignores is reported once, by the name of its parameter", async () => {
    const daily = Array.from({ length: 9 }, (_, at) => ({ id: at, at: minute(at * 1440) }));
    const { told, runs: at } = await runs({ source: (rows) => rows }, [daily, daily, daily]);
    expect(at).toEqual([2]);
    expect(told.flat()[0]).toMatch(/ignores the parameter.*`queryParam: since`/);
  });

  test("and not where it compares whole days", async () => {
    const hourly = Array.from({ length: 90 }, (_, at) => ({ id: at, at: minute(at * 60) }));
    const byDay: Source = (rows, sent) =>
      rows.filter(({ at }) => at >= (sent.get("since") ?? "").slice(0, 10));
    expect((await runs({ source: byDay }, [hourly, hourly, hourly])).runs).toEqual([]);
  });
});
