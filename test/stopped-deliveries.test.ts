import { expect, onTestFinished, test } from "vitest";
import type { Filter } from "../src/engine/ports.ts";
import { decodePosition, encodePosition } from "../src/model/position.ts";
import type { SimulatedReading } from "../testing/simulated-source.ts";
import { Bench, key, record, timeless } from "./support/engine-bench.ts";
import { type HttpRequestKeys, httpRequestOutput, idsIn } from "./support/http-request.ts";
import { type SeenRequest, startHttpServer } from "./support/http-server.ts";

interface Setup {
  readonly reading?: Partial<SimulatedReading>;
  readonly ascending?: boolean;
  readonly keys?: Partial<HttpRequestKeys>;
  readonly filters?: readonly Filter[];
  readonly refuses?: (request: SeenRequest) => boolean;
}

/** Six records in pages of four, to an endpoint that refuses record 3 until it is mended. */
async function benchOf({
  reading = {},
  ascending = false,
  keys = {},
  filters = [],
  refuses = (request) => idsIn(request).includes(3),
}: Setup) {
  let isBroken = true;
  const server = await startHttpServer((request, response) => {
    response.statusCode = isBroken && refuses(request) ? 422 : 200;
    response.end();
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const bench = new Bench({
    reading: { pageSize: 4, paging: "snapshot", order: "stored", ...reading },
    incremental: { order: ascending ? "ascending" : "unordered" },
    pipeline: {
      onConcurrentRun: "takeover",
      filters,
      output: httpRequestOutput({ endpoint: server.origin, ...keys }),
    },
  });
  const { source, state } = bench;
  source.records = [1, 2, 3, 4, 5, 6].map((id) => record(id, id));
  return {
    source,
    mend: () => {
      isBroken = false;
    },
    run: () => bench.attempt({ clock: timeless }),
    position: async () => (await state.get(key))?.position,
    requests: () => server.seen.map(idsIn),
  };
}

test.each([
  ["ascending", { ascending: true, reading: { paging: "keyset", order: "ascending" } }],
  ["in no order, by page tokens", {}],
  ["in no order, by offsets", { reading: { paging: "offset" } }],
] as const)("what was taken before a refused record is not sent again: %s", async (_, setup) => {
  const { run, mend, requests, position } = await benchOf(setup);
  expect(await run()).toMatchObject({
    status: "failed",
    recordsWritten: 2,
    error: {
      message: expect.stringContaining("2 of the 4 records of the page were taken; the next run goes on"),
    },
  });
  expect(await run()).toMatchObject({ status: "failed", recordsWritten: 0 });
  mend();
  expect(await run()).toMatchObject({ status: "completed", recordsWritten: 4 });
  expect(requests()).toEqual([[1], [2], [3], [3], [3], [4], [5], [6]]);
  expect((await position())?.taken).toBeUndefined();
});

test("requests that were under way next to the refused one are known too", async () => {
  const { run, mend, requests } = await benchOf({ keys: { concurrency: 3, key: "id" } });
  await run();
  const first = requests().flat();
  await run();
  mend();
  await run();
  const again = requests()
    .flat()
    .filter((id) => id !== 3);
  expect(again.toSorted()).toEqual([1, 2, 4, 5, 6]);
  expect(first).toContain(3);
});

test("of a batch that is taken apart, the records that were taken are known", async () => {
  const { run, mend, requests } = await benchOf({ keys: { batch: { size: 4 } } });
  await run();
  mend();
  await run();
  expect(
    requests()
      .flat()
      .filter((id) => id === 1 || id === 2),
  ).toEqual([1, 2, 1, 2]);
  expect(requests().at(-1)).toEqual([5, 6]);
});

test("a record that has changed since it was taken is sent again", async () => {
  const { run, mend, requests, source } = await benchOf({ reading: { paging: "offset" } });
  await run();
  source.records = source.records.map((one) => (one.id === 1 ? { ...one, name: "new" } : one));
  mend();
  await run();
  expect(requests().slice(3)).toEqual([[1], [3], [4], [5], [6]]);
});

const inTwo: Filter = {
  kind: "inTwo",
  apply: (records, { account }) =>
    records.flatMap((one) => {
      const made = [1, 2].map((copy) => ({ ...one, copy }));
      account?.made(one, made);
      return made;
    }),
};

test.each([
  ["whole, so that none of them comes again", 1, 4, ""],
  [
    "in part, so that what was taken of it comes again",
    2,
    5,
    ", and sends 1 of them again: a filter made several records of one, and not all of those were taken",
  ],
] as const)(
  "a filter makes two records of each, and the one at which the run stops is refused %s",
  async (_, refused, taken, told) => {
    const copies = (request: SeenRequest): string => {
      const { id, copy } = JSON.parse(request.body);
      return `${id}.${copy}`;
    };
    const seen: string[] = [];
    const { run, mend } = await benchOf({
      filters: [inTwo],
      refuses: (request) => {
        seen.push(copies(request));
        return copies(request) === `3.${refused}`;
      },
    });
    const { error } = await run();
    expect(error?.message).toMatch(
      new RegExp(
        `; ${taken} of the 8 records of the page were taken; the next run goes on behind them${told}$`,
      ),
    );
    expect(error?.hint).not.toContain("again");
    const before = seen.length;
    expect(before).toBe(taken + 1);
    await run();
    const again = seen.slice(before).filter((copy) => seen.slice(0, before - 1).includes(copy));
    expect(again).toEqual(told === "" ? [] : ["3.1"]);
    mend();
    expect(await run()).toMatchObject({ status: "completed" });
  },
);

test("a filter in code that makes several records without saying of which has the page sent again, and is reported", async () => {
  const twice: Filter = {
    kind: "twice",
    apply: (records) => records.flatMap((one) => [{ ...one }, { ...one, copy: 2 }]),
  };
  const { run } = await benchOf({ filters: [twice] });
  expect(await run()).toMatchObject({
    status: "failed",
    recordsWritten: 4,
    warnings: [{ code: "TAKEN_NOT_TRACED", message: expect.stringContaining("4 of the 8 records") }],
  });
});

test("the names that a position keeps are stored with it", () => {
  const position = {
    watermark: null,
    secondaryCursors: {},
    window: null,
    tieSet: [],
    coverage: [],
    taken: "a".repeat(24),
  };
  expect(decodePosition(encodePosition(position), "here")).toEqual(position);
});
