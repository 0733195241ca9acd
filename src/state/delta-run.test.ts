import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stateBackends } from "../../test/support/state-backends.ts";
import { registerSecret } from "../secrets.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import type { StateStoreHarness } from "../testing/state-suite.ts";
import type { StateStore, StreamState } from "./contract.ts";
import { type DeltaRun, deltaRun } from "./delta-run.ts";

const stream = { connector: "sap_eu", stream: "suppliers" };
const first = "2026-01-01T00:00:01Z";
const second = "2026-01-01T00:00:02Z";

const setTo = (cursor: string) => async (run: DeltaRun) => run.setNewCursor(cursor);

for (const backend of stateBackends) {
  describe(`deltaRun on ${backend.name}`, () => {
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

    test("completes when the callback returns, with all that it said", async () => {
      const result = await deltaRun(state, stream, async (run) => {
        expect(run.lowerBoundCursor).toBeNull();
        expect(run.key).toEqual(stream);
        expect(run.epoch).toBe(1);
        expect((await stored()).runId).toBe(run.runId);
        expect((await stored()).lease?.owner?.pid).toBe(process.pid);
        run.setNewCursor("2026-01-01T01:00:01+01:00");
        run.setRecordsProcessed(3);
        run.setMetadata({ since: null });
        return ["anything"];
      });
      expect(result).toEqual({
        status: "completed",
        value: ["anything"],
        runId: (await stored()).runId,
        epoch: 1,
        lowerBoundCursor: null,
        newCursor: first,
        recordsProcessed: 3,
      });
      expect(await stored()).toMatchObject({
        status: "completed",
        cursor: { type: "timestamp_utc", value: first },
        recordsProcessed: 3,
        metadata: { since: null },
        lease: null,
      });
    });

    test("hands the committed watermark to the next run", async () => {
      await deltaRun(state, stream, setTo(first));
      const result = await deltaRun(state, stream, (run) => {
        run.setNewCursor(second);
        return run.lowerBoundCursor;
      });
      expect(result.value).toBe(first);
      expect(result.newCursor).toBe(second);
    });

    test("a callback that throws fails the run, and its error is thrown on as it was", async () => {
      await deltaRun(state, stream, setTo(first));
      registerSecret("s3cr3t-token");
      const error = new RangeError("it said:\n  no to s3cr3t-token");
      const failing = deltaRun(state, { ...stream, actor: "nightly" }, async (run) => {
        run.setNewCursor(second);
        run.setRecordsProcessed(7);
        run.setMetadata({ page: 4 });
        throw error;
      });
      await expect(failing).rejects.toBe(error);
      expect(await stored()).toMatchObject({
        status: "failed",
        cursor: { value: first },
        lastError: "it said: no to [redacted]",
        recordsProcessed: 7,
        metadata: { page: 4 },
        lease: null,
      });
      const next = await deltaRun(state, stream, (run) => {
        run.setNewCursor(second);
        return run.lowerBoundCursor;
      });
      expect(next.value).toBe(first);
    });

    test("whatever is thrown comes out, also what is no error and what is thrown at once", async () => {
      for (const thrown of ["text", undefined, null, { code: 7 }]) {
        const failing = deltaRun(state, stream, () => {
          throw thrown;
        });
        await expect(failing).rejects.toBe(thrown);
        expect((await stored()).status).toBe("failed");
      }
    });

    test("an error's message is kept short", async () => {
      await expect(
        deltaRun(state, stream, () => Promise.reject(new Error("x".repeat(1e6)))),
      ).rejects.toThrow();
      expect((await stored()).lastError).toBe("x".repeat(2000));
    });

    test("a failure that cannot be recorded does not hide what failed", async () => {
      const error = new Error("the real trouble");
      const failing = deltaRun(state, stream, async () => {
        await state.close();
        throw error;
      });
      await expect(failing).rejects.toBe(error);
    });

    test("a callback that returns without a cursor is a failure", async () => {
      await deltaRun(state, stream, setTo(first));
      const forgetful = deltaRun(state, stream, async (run) => run.setRecordsProcessed(5));
      await expect(forgetful).rejects.toMatchObject({ code: "CURSOR_NOT_SET", stream: "sap_eu/suppliers" });
      expect(await stored()).toMatchObject({
        status: "failed",
        cursor: { value: first },
        recordsProcessed: 5,
      });
      expect((await stored()).lastError).toMatch(/without a new cursor/);
    });

    test("a cursor that cannot be committed fails the run", async () => {
      await deltaRun(state, stream, setTo(second));
      await expect(deltaRun(state, stream, setTo(first))).rejects.toMatchObject({
        code: "CURSOR_REGRESSION",
      });
      expect(await stored()).toMatchObject({ status: "failed", cursor: { value: second } });
      await expect(
        deltaRun(state, { ...stream, cursorType: "numeric_id" }, (run) => run.setNewCursor(1)),
      ).rejects.toMatchObject({ code: "CURSOR_TYPE_MISMATCH" });
    });

    test("P7: cursors are taken as text, bigint and number, and never with digits lost", async () => {
      const on = { ...stream, cursorType: "numeric_id" as const };
      const committed = async (cursor: string | number | bigint) =>
        (await deltaRun(state, on, (run) => run.setNewCursor(cursor))).newCursor;
      expect(await committed(7)).toBe("7");
      expect(await committed(9007199254740993n)).toBe("9007199254740993");
      expect(await committed("12345678901234567890123")).toBe("12345678901234567890123");
      await expect(committed(2 ** 53 + 2)).rejects.toMatchObject({ code: "CURSOR_TYPE_MISMATCH" });
      await expect(committed(Number.NaN)).rejects.toMatchObject({ code: "CURSOR_TYPE_MISMATCH" });
    });

    test("a value of another type is refused where it is set, and the callback may go on", async () => {
      const result = await deltaRun(state, stream, (run) => {
        for (const wrong of ["banana", "", 1_767_225_601, 1n]) {
          expect(() => run.setNewCursor(wrong)).toThrow(
            expect.objectContaining({ code: "CURSOR_TYPE_MISMATCH", stream: "sap_eu/suppliers" }),
          );
        }
        run.setNewCursor(first);
      });
      expect(result.newCursor).toBe(first);
    });

    test("what cannot be kept is refused where it is said", async () => {
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      await deltaRun(state, stream, (run) => {
        const invalid = expect.objectContaining({ code: "ARGUMENT_INVALID" });
        for (const count of [-1, 0.5, Number.NaN])
          expect(() => run.setRecordsProcessed(count)).toThrow(invalid);
        expect(() => run.setMetadata(circular)).toThrow(invalid);
        const metadata = { n: 1 };
        run.setMetadata(metadata);
        metadata.n = 2;
        run.setNewCursor(first);
      });
      expect((await stored()).metadata).toEqual({ n: 1 });
    });

    test("each stream of a connector and each connector stands on its own", async () => {
      const names = [
        ["sap_eu", "suppliers", "2026-01-01T00:00:01Z"],
        ["sap_eu", "invoices", "2026-01-01T00:00:02Z"],
        ["sap_us", "suppliers", "2026-01-01T00:00:03Z"],
      ] as const;
      for (const [connector, name, cursor] of names) {
        await deltaRun(state, { connector, stream: name }, setTo(cursor));
      }
      for (const [connector, name, cursor] of names) {
        expect((await state.get({ connector, stream: name }))?.cursor?.value).toBe(cursor);
      }
    });

    describe("checkpoints", () => {
      test("move the watermark midway, durably, and count as having said how far", async () => {
        const result = await deltaRun(state, stream, async (run) => {
          run.setRecordsProcessed(10);
          await run.checkpoint(first);
          const other = backend.name === "memory" ? state : await harness.reopen();
          const midway = await other.get(stream);
          if (other !== state) await other.close();
          expect(midway).toMatchObject({ status: "running", cursor: { value: first }, recordsProcessed: 10 });
          await run.checkpoint(second);
        });
        expect(result.newCursor).toBe(second);
        expect((await state.runs(stream)).items[0]?.checkpoints).toBe(2);
      });

      test("P8: stay where they are when the run fails afterwards", async () => {
        const failing = deltaRun(state, stream, async (run) => {
          await run.checkpoint(first);
          run.setNewCursor(second);
          throw new Error("x");
        });
        await expect(failing).rejects.toThrow("x");
        expect((await stored()).cursor?.value).toBe(first);
      });

      test("stand in for a cursor set before, and one set after them counts", async () => {
        const before = await deltaRun(state, stream, async (run) => {
          run.setNewCursor(first);
          await run.checkpoint(second);
        });
        expect(before.newCursor).toBe(second);
        const after = await deltaRun(state, stream, async (run) => {
          await run.checkpoint(second);
          run.setNewCursor("2026-01-01T00:00:03Z");
        });
        expect(after.newCursor).toBe("2026-01-01T00:00:03Z");
      });

      test("P3: do not go back", async () => {
        const result = await deltaRun(state, stream, async (run) => {
          await run.checkpoint(second);
          await expect(run.checkpoint(first)).rejects.toMatchObject({ code: "CURSOR_REGRESSION" });
          await expect(run.checkpoint("banana")).rejects.toMatchObject({ code: "CURSOR_TYPE_MISMATCH" });
          await run.checkpoint(second);
        });
        expect(result.newCursor).toBe(second);
      });

      test("that are not awaited still follow one another, and are made before the run completes", async () => {
        await deltaRun(state, stream, async (run) => {
          for (let n = 1; n <= 9; n++) void run.checkpoint(`2026-01-01T00:00:0${n}Z`);
        });
        expect((await stored()).cursor?.value).toBe("2026-01-01T00:00:09Z");
        expect((await state.runs(stream)).items[0]?.checkpoints).toBe(9);
      });
    });

    describe("P11: a backfill", () => {
      test("needs no cursor, commits none, and is told the watermark", async () => {
        await deltaRun(state, stream, setTo(second));
        const before = await stored();
        const result = await deltaRun(state, { ...stream, mode: "backfill" }, async (run) => {
          run.setRecordsProcessed(4);
          return run.lowerBoundCursor;
        });
        expect(result).toMatchObject({
          status: "completed",
          value: second,
          newCursor: null,
          recordsProcessed: 4,
        });
        expect(await stored()).toEqual(before);
        expect((await state.runs(stream)).items[0]).toMatchObject({ kind: "backfill", outcome: "completed" });
      });

      test("may use the live run's callback, with cursors far below the watermark", async () => {
        await deltaRun(state, stream, setTo(second));
        await deltaRun(state, { ...stream, mode: "backfill" }, async (run) => {
          run.setNewCursor("2001-01-01T00:00:00Z");
          await run.checkpoint("2001-01-02T00:00:00Z");
          await run.complete();
        });
        expect((await stored()).cursor?.value).toBe(second);
        expect((await state.audit({ key: stream })).items).toHaveLength(1);
      });

      test("runs beside a live run, which it leaves alone", async () => {
        await deltaRun(state, stream, async (live) => {
          await deltaRun(state, { ...stream, mode: "backfill", onConcurrentRun: "skip" }, () => {});
          const failing = deltaRun(state, { ...stream, mode: "backfill" }, () => {
            throw new Error("x");
          });
          await expect(failing).rejects.toThrow("x");
          live.setNewCursor(first);
        });
        expect(await stored()).toMatchObject({ status: "completed", epoch: 1, cursor: { value: first } });
      });
    });

    describe("while another run holds the stream", () => {
      const held = { cursorType: "timestamp_utc" as const };

      test("override takes it over, which is what happens unless told otherwise", async () => {
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

      test("an age decides whether it is taken over", async () => {
        const other = await state.begin(stream, held);
        const startedAt = Date.parse(other.startedAtUtc);
        const onConcurrentRun = { takeOverAfterSeconds: 3600 };
        const outcomeAfter = async (seconds: number) => {
          const clock = new FakeClock(new Date(startedAt + seconds * 1000).toISOString());
          return (await deltaRun(state, { ...stream, onConcurrentRun, clock }, setTo(first))).status;
        };
        expect(await outcomeAfter(10)).toBe("skipped");
        expect(await outcomeAfter(3599)).toBe("skipped");
        expect(await outcomeAfter(3600)).toBe("completed");
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
