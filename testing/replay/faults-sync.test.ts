import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../src/clock.ts";
import type { Pipeline } from "../../src/engine/ports.ts";
import { attemptSync } from "../../src/engine/run/sync.ts";
import { createHttpPolling } from "../../src/inputs/http/input.ts";
import { httpPollingSchema } from "../../src/inputs/http/schema.ts";
import { createDatabaseOutput } from "../../src/outputs/table/database-output.ts";
import { databaseOutputSchema } from "../../src/outputs/table/schema.ts";
import type { StateStore } from "../../src/state/contract.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { testFolder } from "../../test/support/command.ts";
import { sendJson, startHttpServer } from "../../test/support/http-server.ts";
import { type Fault, faultKinds } from "./faults.ts";
import { recordSource } from "./record-source.ts";
import { replaySource } from "./replay-source.ts";

const pageSize = 5;
const count = 43;

interface Order {
  readonly id: number;
  readonly at: string;
}

/** Several orders share each second, so that pages end among equal cursors. */
const orders: readonly Order[] = Array.from({ length: count }, (_, index) => ({
  id: index + 1,
  at: new Date(Date.UTC(2026, 0, 1, 0, 0, Math.floor(index / 3))).toISOString(),
}));

type Paging = "cursor" | "page";
type Sorting = "ascending" | "unordered";

/** An API that pages by token or by number, over the orders updated since. */
function api(paging: Paging) {
  return startHttpServer(({ url: { searchParams } }, response) => {
    const since = searchParams.get("since") ?? "";
    const found = orders.filter(({ at }) => at >= since);
    const page = Number(
      (searchParams.get(paging === "page" ? "page" : "page_token") ?? "1").replace("page-", ""),
    );
    const end = page * pageSize;
    const next = end < found.length ? `page-${page + 1}` : null;
    sendJson(response, { data: found.slice(end - pageSize, end), next, total: found.length });
  });
}

function pipeline(origin: string, folder: string, paging: Paging, order: Sorting): Pipeline {
  const input = createHttpPolling(
    httpPollingSchema.parse({
      type: "httpPolling",
      endpoint: `${origin}/orders`,
      dataField: "data",
      key: "id",
      headers: { authorization: "Bearer of-the-replay" },
      pagination:
        paging === "page"
          ? { type: "page", param: "page", totalField: "total" }
          : { type: "cursor", param: "page_token", nextCursorField: "next" },
      statePersistence: { timestamp: { field: "at", queryParam: "since" }, order },
    }),
    { random: () => 0 },
  );
  const output = createDatabaseOutput(
    databaseOutputSchema.parse({
      type: "database",
      connectionString: `sqlite:${join(folder, "orders.db")}`,
      table: "orders",
      mode: "append",
    }),
  );
  return {
    name: "orders",
    key: { connector: "shop", stream: "orders" },
    onConcurrentRun: "skip",
    leaseSeconds: 60,
    input,
    filters: [],
    output,
  };
}

/** Waits between attempts take no time; the lease is kept as ever. */
const hasty: Clock = {
  ...systemClock,
  sleep: (milliseconds, signal, options) =>
    systemClock.sleep(options?.background === true ? milliseconds : 0, signal, options),
};

/** Runs until a run completes, as a schedule would; resolves to how many runs it took. */
async function untilCompleted(what: Pipeline, state: StateStore): Promise<number> {
  for (let runs = 1; runs <= 50; runs++) {
    const { status } = await attemptSync(what, { state, clock: hasty });
    if (status === "completed") return runs;
  }
  throw new Error("no run completed");
}

function idsIn(folder: string): unknown[] {
  const database = new DatabaseSync(join(folder, "orders.db"), { readOnly: true });
  try {
    return database
      .prepare("SELECT id FROM orders ORDER BY id")
      .all()
      .map(({ id }) => id);
  } finally {
    database.close();
  }
}

/** A recording of one sync of everything. */
async function record(paging: Paging, order: Sorting): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-recording-"));
  await using upstream = await api(paging);
  await using recorder = await recordSource({ upstream: upstream.origin, folder });
  await untilCompleted(pipeline(recorder.origin, testFolder(), paging, order), openMemoryState());
  return folder;
}

/** Plays a recording with faults to a new table; then once more, to see nothing new. */
async function throughFaults(
  recording: string,
  paging: Paging,
  order: Sorting,
  { faults, seed }: { faults: readonly Fault[]; seed: number },
) {
  const folder = testFolder();
  await using source = await replaySource({ folder: recording, faults, seed, bounds: ["since"] });
  const state = openMemoryState();
  await untilCompleted(pipeline(source.origin, folder, paging, order), state);
  const ids = idsIn(folder);
  await untilCompleted(pipeline(source.origin, folder, paging, order), state);
  return { ids, again: idsIn(folder), log: [...source.log] };
}

const everyId = orders.map(({ id }) => id);
const shapes = [
  ["cursor", "ascending"],
  ["cursor", "unordered"],
  ["page", "ascending"],
  ["page", "unordered"],
] as const;

describe.each(shapes)("paging by %s, %s", (paging, order) => {
  let recording: string | null = null;
  afterAll(() => rmSync(recording ?? "", { recursive: true, force: true }));

  const run = async (faults: readonly Fault[], seed: number) => {
    recording ??= await record(paging, order);
    return throughFaults(recording, paging, order, { faults, seed });
  };

  test.each(faultKinds)("P2: nothing is lost or repeated through %s", async (kind) => {
    const settings = kind === "slow" ? { kind, pieces: 3, pauseMs: 1 } : { kind };
    const faults: Fault[] = [
      { ...settings, at: [3] },
      { ...settings, rate: 0.15 },
    ];
    const { ids, again, log } = await run(faults, 1);
    expect(log.some(({ fault }) => fault === kind)).toBe(true);
    expect(ids).toEqual(everyId);
    expect(again).toEqual(everyId);
  });

  test("P2: nothing is lost or repeated through all of them at once", async () => {
    const faults = faultKinds.map((kind): Fault => ({ kind, rate: 0.02 }));
    const struck = new Set<unknown>();
    for (const seed of [1, 2, 3]) {
      const { ids, again, log } = await run(faults, seed);
      expect(ids).toEqual(everyId);
      expect(again).toEqual(everyId);
      for (const { fault } of log) struck.add(fault);
    }
    expect(struck.size).toBeGreaterThan(4);
  });
});
