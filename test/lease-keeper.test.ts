import { expect, test } from "vitest";
import { emptyPosition } from "../src/model/position.ts";
import type { RunRef, StateStore } from "../src/state/contract.ts";
import { LeaseKeeper } from "../src/state/lease-keeper.ts";
import type { Heartbeat } from "../src/state/stop-requests.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { FakeClock } from "../testing/fake-clock.ts";

const key = { connector: "sap_eu", stream: "suppliers" };
const keeping = { onStop: () => {} };
const begin = { cursorType: "numeric_id", leaseSeconds: 60 } as const;

/** The state, whose first heartbeat is stored at once and answered only when `answer` is called. */
function answeringLate(state: StateStore): { readonly slow: StateStore; readonly answer: () => void } {
  const late = Promise.withResolvers<void>();
  const heartbeat = async (run: RunRef): Promise<Heartbeat> => {
    const answer = await state.heartbeat(run);
    await late.promise;
    return answer;
  };
  const slow = new Proxy(state, {
    get(target, name) {
      if (name === "heartbeat") return heartbeat;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { slow, answer: late.resolve };
}

test("P4: a process that was stopped before it received a heartbeat's answer finds that it was superseded", async () => {
  const clock = new FakeClock();
  await using state = openMemoryState({ clock });
  const run = await state.begin(key, begin);
  const { slow, answer } = answeringLate(state);
  using lease = new LeaseKeeper(slow, run, clock, keeping);
  await clock.whenSleeping();
  await clock.advance(20_000);

  // The heartbeat is stored. The process is then stopped for longer than its lease, and another run begins.
  await clock.advance(70_000);
  await state.begin(key, { ...begin, ifRunning: "refuse" });
  answer();
  await clock.whenSleeping();

  await expect(lease.confirm()).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
});

test("P4: a process that was stopped before it received a checkpoint's answer finds that it was superseded", async () => {
  const clock = new FakeClock();
  await using state = openMemoryState({ clock });
  const run = await state.begin(key, begin);
  // No heartbeat is answered while the process is stopped.
  using lease = new LeaseKeeper(answeringLate(state).slow, run, clock, keeping);
  await lease.renewing(async () => {
    const made = { sequence: 1, position: emptyPosition, recordsProcessed: 1 };
    const answer = await state.checkpoint(run, made);
    await clock.advance(70_000);
    await state.begin(key, begin);
    return answer;
  });
  await expect(lease.confirm()).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
});

test("a heartbeat less than half a lease ago needs no confirmation", async () => {
  const clock = new FakeClock();
  await using state = openMemoryState({ clock });
  const run = await state.begin(key, begin);
  using lease = new LeaseKeeper(state, run, clock, keeping);
  await clock.whenSleeping();
  await clock.advance(25_000);
  await state.begin(key, begin);

  await expect(lease.confirm()).resolves.toBeUndefined();
});
