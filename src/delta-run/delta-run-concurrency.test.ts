import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stateBackends } from "../../test/support/state-backends.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import type { StateStoreHarness } from "../../testing/state-suite.ts";
import type { StateStore, StreamState } from "../state/contract.ts";
import { openMemoryState } from "../state/storage/memory/memory.ts";
import { type DeltaRun, deltaRun } from "./delta-run.ts";

const stream = { connector: "sap_eu", stream: "suppliers" };
const first = "2026-01-01T00:00:01Z";
const second = "2026-01-01T00:00:02Z";

const setTo = (cursor: string) => async (run: DeltaRun) => run.setNewCursor(cursor);

for (const backend of stateBackends) {
  describe(`deltaRun next to other runs on ${backend.name}`, () => {
    let harness: StateStoreHarness;
    let state: StateStore;

    beforeEach(async () => {
      harness = await backend.open();
      state = harness.store;
    });
    afterEach(() => harness.close());

    async function stored(): Promise<StreamState> {
      const found = await state.get(stream);
      if (found === null) throw new Error("the stream has no state");
      return found;
    }

    describe("while another run holds the stream", () => {
      const held = { cursorType: "timestamp_utc" as const };

      test("override takes it over, which is what happens by default", async () => {
        const other = await state.begin(stream, held);
        const result = await deltaRun(state, stream, setTo(first));
        expect(result.epoch).toBe(2);
        await expect(state.complete(other, {})).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
      });

      test("skip leaves it, and says to whom", async () => {
        const other = await state.begin(stream, held);
        const before = await stored();
        let called = false;
        const result = await deltaRun(state, { ...stream, onConcurrentRun: "skip" }, () => {
          called = true;
        });
        expect(result).toEqual({
          status: "skipped",
          activeRunId: other.runId,
          startedAtUtc: other.startedAtUtc,
          leaseExpiresAtUtc: before.lease?.expiresAtUtc,
        });
        expect(called).toBe(false);
        expect(await stored()).toEqual(before);
      });

      test("skip runs once the lease has run out", async () => {
        const other = await state.begin(stream, held);
        await harness.expireLease(other);
        const result = await deltaRun(state, { ...stream, onConcurrentRun: "skip" }, setTo(first));
        expect(result.status).toBe("completed");
      });

      test("an age by the state's clock decides whether it is taken over, whatever this clock says", async () => {
        const other = await state.begin(stream, held);
        for (const hours of [-24, 24]) {
          const clock = new FakeClock(
            new Date(Date.parse(other.startedAtUtc) + hours * 3_600_000).toISOString(),
          );
          const onConcurrentRun = { takeOverAfterSeconds: 3600 };
          expect((await deltaRun(state, { ...stream, onConcurrentRun, clock }, setTo(first))).status).toBe(
            "skipped",
          );
        }
        const onConcurrentRun = { takeOverAfterSeconds: 0 };
        expect((await deltaRun(state, { ...stream, onConcurrentRun }, setTo(first))).status).toBe(
          "completed",
        );
        await expect(state.heartbeat(other)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
      });

      test("a policy that is none is refused before anything is begun", async () => {
        for (const takeOverAfterSeconds of [-1, Number.NaN]) {
          const options = { ...stream, onConcurrentRun: { takeOverAfterSeconds } };
          await expect(deltaRun(state, options, () => {})).rejects.toMatchObject({
            code: "ARGUMENT_INVALID",
          });
        }
        expect(await state.get(stream)).toBeNull();
      });

      test("of many that skip, one runs", async () => {
        const results = await Promise.all(
          Array.from({ length: 10 }, () =>
            deltaRun(state, { ...stream, onConcurrentRun: "skip" }, async (run) => {
              await run.checkpoint(first);
            }),
          ),
        );
        const completed = results.filter(({ status }) => status === "completed");
        expect(completed).toHaveLength((await state.runs(stream)).items.length);
        expect((await state.runs(stream)).items.every(({ outcome }) => outcome === "completed")).toBe(true);
      });
    });

    describe("the lease", () => {
      test("is kept by heartbeats while the callback works", async () => {
        const clock = new FakeClock();
        await deltaRun(state, { ...stream, clock, leaseSeconds: 60 }, async (run) => {
          for (let beat = 0; beat < 3; beat++) {
            await harness.expireLease({ ...run, kind: "live" });
            await clock.whenSleeping();
            await clock.advance(20_000);
            await clock.whenSleeping();
            const begun = state.begin(stream, { cursorType: "timestamp_utc", ifRunning: "refuse" });
            await expect(begun).rejects.toMatchObject({ code: "RUN_ACTIVE" });
          }
          expect(run.signal.aborted).toBe(false);
          run.setNewCursor(first);
        });
      });

      test("no heartbeat is made once the run has ended, either way", async () => {
        const clock = new FakeClock();
        await deltaRun(state, { ...stream, clock }, setTo(first));
        expect(clock.sleeping).toBe(0);
        await expect(
          deltaRun(state, { ...stream, clock }, () => Promise.reject(new Error("x"))),
        ).rejects.toThrow();
        expect(clock.sleeping).toBe(0);
        const before = await stored();
        await clock.advance(600_000);
        expect(await stored()).toEqual(before);
      });

      test("P4: lost, it aborts the signal, and nothing more of the run is accepted", async () => {
        const clock = new FakeClock();
        let aborted: unknown;
        const zombie = deltaRun(state, { ...stream, clock }, async (run) => {
          await run.checkpoint(first);
          const next = await state.begin(stream, { cursorType: "timestamp_utc" });
          await state.complete(next, { newCursor: "2026-01-01T00:00:01.5Z" });
          const lost = new Promise((resolve) => run.signal.addEventListener("abort", resolve));
          await clock.whenSleeping();
          await clock.advance(20_000);
          await lost;
          aborted = run.signal.reason;
          await expect(run.checkpoint(second)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
          run.setNewCursor(second);
          // It goes on all the same, as if it had noticed nothing.
        });
        await expect(zombie).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
        expect(aborted).toMatchObject({ name: "TidemarkError", code: "RUN_SUPERSEDED" });
        expect(await stored()).toMatchObject({
          status: "completed",
          cursor: { value: "2026-01-01T00:00:01.5Z" },
        });
        expect((await state.runs(stream)).items.map(({ outcome }) => outcome)).toEqual([
          "completed",
          "superseded",
        ]);
        expect(clock.sleeping).toBe(0);
      });

      test("P4: a run that throws after it was taken over leaves its successor alone", async () => {
        const error = new Error("x");
        const zombie = deltaRun(state, stream, async () => {
          await state.begin(stream, { cursorType: "timestamp_utc" });
          throw error;
        });
        await expect(zombie).rejects.toBe(error);
        expect(await stored()).toMatchObject({ status: "running", epoch: 2, lastError: null });
      });
    });
  });
}

test("a run that holds its stream is taken over once it is as old as the policy says, and not before", async () => {
  const clock = new FakeClock();
  await using state = openMemoryState({ clock });
  const other = await state.begin(stream, { cursorType: "timestamp_utc", leaseSeconds: 86_400 });
  const outcome = async () => {
    const options = { ...stream, onConcurrentRun: { takeOverAfterSeconds: 3600 } };
    return (await deltaRun(state, options, setTo(first))).status;
  };
  await clock.advance(3_599_000);
  expect(await outcome()).toBe("skipped");
  await clock.advance(1000);
  expect(await outcome()).toBe("completed");
  await expect(state.heartbeat(other)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
});
