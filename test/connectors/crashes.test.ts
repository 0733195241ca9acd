import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Connector,
  defineConnector,
  defineOutput,
  type FaultInjector,
  type FaultPoint,
  faultPoints,
  openState,
  type StateStore,
  SyncEngine,
} from "../../src/index.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import { MemoryTable, memoryOutput } from "../../testing/memory-output.ts";
import { testFolder } from "../support/command.ts";
import { idsInSqlite, lostAndRepeated } from "../support/delivered.ts";
import { inLongRun } from "../support/long-run.ts";
import { numbersConnector } from "../support/numbers-connector.ts";

/** Throws when a run comes to a point for the n-th time, which is how the process would end there. */
function crashAt(point: FaultPoint, nth: number): FaultInjector {
  let reached = 0;
  return (at) => {
    if (at === point && ++reached === nth) throw new Error("crash");
  };
}

/** A dead process records nothing of its failure. */
function crashing(state: StateStore): StateStore {
  return new Proxy(state, {
    get(target, name) {
      if (name === "fail") return async () => {};
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

for (const mode of ["append", "upsert"] as const) {
  for (const place of ["beside the state", "in the state's own database"] as const) {
    test(`P1 P2: a crash at any fault point neither loses nor repeats a row of SQLite (${mode}, ${place})`, async () => {
      for (const point of faultPoints) {
        for (const nth of [1, 2, 3]) {
          const folder = testFolder();
          const file = place === "beside the state" ? "out.db" : "state.db";
          await using state = await openState(`sqlite:${join(folder, "state.db")}`);
          const output = defineOutput({
            type: "database",
            connectionString: `sqlite:${join(folder, file)}`,
            table: "items",
            ...(mode === "upsert" ? { key: "id" } : {}),
          });
          const numbers = numbersConnector({ count: 40, every: 7 });
          const faults = crashAt(point, nth);
          const crashed = new SyncEngine(output, { state: crashing(state), batchSize: 10, faults });
          await crashed.sync(numbers.connector).catch(() => {});
          numbers.count = 45;
          const engine = new SyncEngine(output, { state, batchSize: 10, onConcurrentRun: "takeover" });
          await engine.sync(numbers.connector);
          const found = lostAndRepeated(await idsInSqlite(join(folder, file), "items")(), 45);
          expect(found, `${point} ${nth}`).toEqual({ lost: [], repeated: [] });
          expect(await engine.getCheckpoint("numbers"), `${point} ${nth}`).toMatchObject({
            itemsSynced: 45,
            cursor: "45",
          });
        }
      }
    });
  }
}

interface Crash {
  readonly point: FaultPoint;
  readonly nth: number;
}

const crash: fc.Arbitrary<Crash> = fc.record({
  point: fc.constantFrom(...faultPoints),
  nth: fc.integer({ min: 1, max: 5 }),
});

test("P1 P2: over all batch sizes, cursors and crashes an append has every record once, and counts it once", async () => {
  const world = fc.record({
    batchSize: fc.integer({ min: 1, max: 12 }),
    every: fc.integer({ min: 1, max: 30 }),
    lists: fc.boolean(),
    runs: fc.array(fc.record({ added: fc.nat(25), crash: fc.option(crash), fails: fc.option(fc.nat(20)) }), {
      minLength: 1,
      maxLength: 6,
    }),
  });
  await fc.assert(
    fc.asyncProperty(world, async ({ batchSize, every, lists, runs }) => {
      const memory = new MemoryTable();
      const output = memoryOutput(memory, { appends: true });
      const state = openMemoryState();
      const numbers = numbersConnector({ count: 0, every, lists });
      const base = { batchSize, onConcurrentRun: "takeover" as const };
      for (const { added, crash: at, fails } of runs) {
        const failing = fails === null ? null : numbers.count + fails;
        numbers.count += added;
        numbers.beforeRecord = (id) => {
          if (id === failing) throw new Error("the source is down");
        };
        const faults = at === null ? {} : { faults: crashAt(at.point, at.nth) };
        const store = at === null ? state : crashing(state);
        await new SyncEngine(output, { ...base, ...faults, state: store })
          .sync(numbers.connector)
          .catch(() => {});
      }
      numbers.beforeRecord = () => {};
      numbers.count += 1;
      const engine = new SyncEngine(output, { ...base, state });
      await engine.sync(numbers.connector);
      expect(memory.rows.map(({ id }) => id)).toEqual(
        Array.from({ length: numbers.count }, (_, index) => index + 1),
      );
      expect(await engine.getCheckpoint("numbers")).toMatchObject({
        itemsSynced: numbers.count,
        cursor: String(numbers.count),
        error: null,
      });
    }),
    { numRuns: inLongRun(40, 500) },
  );
});

interface Row {
  readonly id: number;
  readonly at: number;
  readonly version: number;
}

/**
 * A source that is asked for what changed since a time, and pages by id: a record that changes behind
 * the page token is not in this listing any more. Written as the documentation of `defineConnector` has it.
 */
function listing(rows: Map<number, Row>, pageSize: number, beforePage: () => void): Connector {
  return defineConnector({
    id: "listing",
    async *sync({ since, cursor }) {
      const [asked, place] = JSON.parse(cursor ?? "[null, 0]");
      let token: number | null = asked === since ? place : 0;
      while (token !== null) {
        beforePage();
        const from = since === null ? 0 : Date.parse(since);
        const after: number = token;
        const found = [...rows.values()].filter(({ id, at }) => at >= from && id > after);
        const page = found.sort((a, b) => a.id - b.id).slice(0, pageSize);
        token = found.length > pageSize ? (page.at(-1)?.id ?? null) : null;
        yield { records: page, cursor: JSON.stringify([since, token]) };
      }
    },
  });
}

test("P1: a connector that asks by time and pages by token misses no change, whatever fails in between", async () => {
  const world = fc.record({
    pageSize: fc.integer({ min: 1, max: 4 }),
    runs: fc.array(
      fc.record({
        changed: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 5 }),
        during: fc.array(fc.option(fc.integer({ min: 1, max: 12 })), { maxLength: 5 }),
        crash: fc.option(crash),
      }),
      { minLength: 1, maxLength: 8 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(world, async ({ pageSize, runs }) => {
      const clock = new FakeClock();
      const rows = new Map<number, Row>();
      const memory = new MemoryTable();
      const output = memoryOutput(memory, { appends: false });
      const state = openMemoryState({ clock });
      const change = (id: number): void => {
        rows.set(id, { id, at: clock.now(), version: (rows.get(id)?.version ?? 0) + 1 });
      };
      const sync = async (during: (number | null)[], at: Crash | null): Promise<void> => {
        await clock.advance(1000);
        const beforePage = (): void => {
          const id = during.shift();
          if (id !== undefined && id !== null) change(id);
        };
        const engine = new SyncEngine(output, {
          state: at === null ? state : crashing(state),
          batchSize: 3,
          onConcurrentRun: "takeover",
          ...(at === null ? {} : { faults: crashAt(at.point, at.nth) }),
        });
        const run = engine.sync(listing(rows, pageSize, beforePage));
        await (at === null ? run : run.catch(() => {}));
        await clock.advance(1000);
      };
      for (const { changed, during, crash: at } of runs) {
        for (const id of changed) change(id);
        await sync([...during], at);
      }
      await sync([], null);
      await sync([], null);
      const latest = memory.latest();
      for (const row of rows.values()) expect(latest.get(row.id)).toEqual(row);
    }),
    { numRuns: inLongRun(40, 500) },
  );
});
