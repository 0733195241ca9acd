import { expect, onTestFinished, test } from "vitest";
import type { RunRef, StateStore } from "../../src/state/contract.ts";
import { openHttpState } from "../../src/state/storage/http/http.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { openPostgresState } from "../../src/state/storage/postgres/postgres.ts";
import { allPages } from "../../testing/state-suite/support.ts";
import { inLongRun } from "../support/long-run.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { findViolation, type Violation } from "./linearizable/checker.ts";
import { History } from "./linearizable/history.ts";
import { startReplicas } from "./linearizable/replicas.ts";
import { callsOf, runWorkload } from "./linearizable/workload.ts";

const seconds = Number(process.env.TIDEMARK_LOAD_SECONDS ?? inLongRun(1, 4));
const streams = Array.from({ length: 8 }, (_, n) => ({ connector: "acme", stream: `s${n}` }));

/** The first call of any stream that no order explains. */
async function violationIn(history: History, state: StateStore): Promise<Violation | null> {
  for (const key of streams) {
    const runs = (await state.get(key)) === null ? [] : await allPages(1000, (page) => state.runs(key, page));
    const violation = findViolation(callsOf(history, key.stream, runs));
    if (violation !== null) return violation;
  }
  return null;
}

test("P3, P4: 64 clients on 8 streams of two replicas that are killed and started again: linearizable", {
  timeout: 600_000 + seconds * 4000,
}, async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const replicas = await startReplicas(database.url, 2);
  // Half of the clients ask again until they are answered; the others are left in the dark.
  const stores = Array.from({ length: 64 }, (_, n) =>
    openHttpState(replicas.url, { retryForMs: n % 2 === 0 ? 30_000 : 0 }),
  );
  onTestFinished(async () => {
    await Promise.all(stores.map((store) => store.close()));
  });
  const history = new History();
  const isAudited = (key: (typeof streams)[number]) =>
    history.calls.some(
      ({ stream, asked, answered }) =>
        stream === key.stream && asked.kind === "complete" && answered.kind === "done",
    );
  const count = (kind: string) => history.calls.filter(({ answered }) => answered.kind === kind).length;
  const startedAt = performance.now();
  const goesOn = () => {
    const past = (performance.now() - startedAt) / 1000;
    // A busy machine gets more time to come to something.
    return past < seconds || count("done") < 100 || replicas.kills() < 2 || !streams.every(isAudited);
  };
  await Promise.all([
    runWorkload({ stores, streams, history, random: Math.random, goesOn }),
    replicas.disturb(Math.random, goesOn),
  ]);

  await using state = await openPostgresState(database.url);
  const violation = await violationIn(history, state);
  console.log(
    `${history.calls.length} calls, ${count("unknown")} unanswered, ${count("refused")} refused, ${replicas.kills()} replicas killed`,
  );
  expect(violation).toBeNull();
  expect(replicas.kills()).toBeGreaterThan(0);
  expect((await state.verifyAudit()).streams).toBe(8);
  for (const key of streams) {
    const runs = await allPages(1000, (page) => state.runs(key, page));
    const epochs = runs.map(({ epoch }) => epoch);
    expect(epochs).toEqual(runs.map((_, index) => runs.length - index));
    const audit = await allPages(1000, (page) => state.audit({ ...page, key }));
    const marks = audit.map(({ newCursor }) => Number(newCursor));
    expect(marks).toEqual([...marks].sort((a, b) => a - b));
  }
});

/** Takes the writes of any run for those of the running one, as a store without epochs would. */
function unfenced(state: StateStore): StateStore {
  const current = async (run: RunRef): Promise<RunRef> => {
    const stored = await state.get(run.key);
    return stored?.runId == null ? run : { ...run, runId: stored.runId, epoch: stored.epoch };
  };
  const calls: Partial<StateStore> = {
    checkpoint: async (run, made) => state.checkpoint(await current(run), made),
    complete: async (run, done) => state.complete(await current(run), done),
  };
  return new Proxy(state, {
    get(target, name) {
      const own: unknown = Reflect.get(calls, name);
      const value: unknown = own ?? Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Answers a complete that it has not kept, once in a while. */
function forgetful(state: StateStore): StateStore {
  let completed = 0;
  return new Proxy(state, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name === "complete" && ++completed % 50 === 0) {
        return (run: RunRef) => target.fail(run, { error: "forgotten" });
      }
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Hands out where a stream stood a moment ago, as a replica that lags behind would. */
function lagging(state: StateStore): StateStore {
  const before = new Map<string, Awaited<ReturnType<StateStore["get"]>>>();
  return new Proxy(state, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name === "get") {
        return async (key: { stream: string }) => {
          const old = before.get(key.stream);
          before.set(key.stream, await target.get({ connector: "acme", stream: key.stream }));
          return old ?? before.get(key.stream) ?? null;
        };
      }
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function worked(broken: (state: StateStore) => StateStore): Promise<Violation | null> {
  const state = openMemoryState();
  const store = broken(state);
  let rounds = 3000;
  const stores = Array.from({ length: 16 }, () => store);
  const history = new History();
  await runWorkload({ stores, streams, history, random: Math.random, goesOn: () => rounds-- > 0 });
  return violationIn(history, state);
}

test("the checker finds nothing in a store that is right", async () => {
  expect(await worked((state) => state)).toBeNull();
});

test.each([
  ["that takes writes of an older epoch", unfenced],
  ["that loses an advance", forgetful],
  ["that answers with the past", lagging],
])("the checker finds a store out %s", async (_, broken) => {
  expect(await worked(broken)).not.toBeNull();
});
