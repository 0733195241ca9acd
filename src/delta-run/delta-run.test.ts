import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stateBackends } from "../../test/support/state-backends.ts";
import type { StateStoreHarness } from "../../testing/state-suite.ts";
import { registerSecret } from "../secrets.ts";
import type { StateStore, StreamState } from "../state/contract.ts";
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

    test("P7: the next run is handed back exactly the text that was committed", async () => {
      const committed = "2026-01-01T00:00:05.570Z";
      await deltaRun(state, stream, (run) => run.setNewCursor(committed));
      const midway = "2026-01-01T00:00:06.000Z";
      const handed = await deltaRun(state, stream, async (run) => {
        await run.checkpoint(midway);
        return run.lowerBoundCursor;
      });
      expect(handed).toMatchObject({ value: committed, lowerBoundCursor: committed, newCursor: midway });
      const quiet = await deltaRun(state, stream, (run) => run.keepCursor());
      expect(quiet).toMatchObject({ lowerBoundCursor: midway, newCursor: midway });
    });

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
        newCursor: "2026-01-01T01:00:01+01:00",
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

    test("P8: a run that somebody stops keeps its last checkpoint and ends as failed with the code", async () => {
      const stopped = deltaRun(state, stream, async (run) => {
        await run.checkpoint(first);
        await state.stop(stream, { actor: "ada", reason: "maintenance" });
        expect(run.signal.aborted).toBe(false);
        await run.checkpoint(second);
        run.signal.throwIfAborted();
      });
      await expect(stopped).rejects.toMatchObject({
        code: "RUN_STOPPED",
        message: "ada asked the run of sap_eu/suppliers to stop: maintenance",
      });
      expect(await stored()).toMatchObject({
        status: "failed",
        cursor: { value: second },
        lastError: "RUN_STOPPED: ada asked the run of sap_eu/suppliers to stop: maintenance",
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

    test.each([
      ["keepCursor()", (run: DeltaRun) => run.keepCursor()],
      ["setNewCursor(null)", (run: DeltaRun) => run.setNewCursor(null)],
    ])("%s leaves the cursor where it is, on purpose", async (_, keep) => {
      const empty = await deltaRun(state, stream, keep);
      expect(empty).toMatchObject({ status: "completed", lowerBoundCursor: null, newCursor: null });
      await deltaRun(state, stream, setTo(first));
      const quiet = await deltaRun(state, stream, (run) => {
        run.setNewCursor(second);
        keep(run);
      });
      expect(quiet).toMatchObject({ status: "completed", lowerBoundCursor: first, newCursor: first });
      const midway = await deltaRun(state, stream, async (run) => {
        await run.checkpoint(second);
        keep(run);
      });
      expect(midway.newCursor).toBe(second);
      const after = await deltaRun(state, stream, (run) => {
        keep(run);
        run.setNewCursor("2026-01-01T00:00:03Z");
      });
      expect(after.newCursor).toBe("2026-01-01T00:00:03Z");
      expect((await state.audit({ key: stream })).items).toHaveLength(3);
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
      test("needs no cursor, commits none, and gets the watermark", async () => {
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

      test("runs next to a live run, which it leaves alone", async () => {
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
  });
}
