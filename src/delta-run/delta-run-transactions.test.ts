import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stateBackends } from "../../test/support/state-backends.ts";
import type { OwnTransactions, StateStoreHarness } from "../../testing/state-suite.ts";
import type { StateStore } from "../state/contract.ts";
import { type DeltaRun, deltaRun } from "./delta-run.ts";

const stream = { connector: "sap_eu", stream: "suppliers" };
const cursor = (second: number): string => `2026-01-01T00:00:0${second}Z`;

for (const backend of stateBackends.filter(({ name }) => name === "sqlite" || name === "postgres")) {
  describe(`deltaRun in the caller's own transaction on ${backend.name}`, () => {
    let harness: StateStoreHarness;
    let state: StateStore;
    let own: OwnTransactions;

    beforeEach(async () => {
      harness = await backend.open();
      state = harness.store;
      if (harness.transactions === undefined) throw new Error(`${backend.name} gives no transactions`);
      own = harness.transactions;
    });
    afterEach(() => harness.close());

    const watermark = async () => (await state.get(stream))?.cursor?.value ?? null;

    test("P2: rows and cursor are committed together, and nothing is completed again", async () => {
      const result = await deltaRun(state, stream, async (run) => {
        run.setNewCursor(cursor(1));
        run.setRecordsProcessed(1);
        const transaction = await own.begin();
        await transaction.insert("a row");
        await run.complete({ transaction: transaction.handle });
        expect(await watermark()).toBeNull();
        await transaction.commit();
        expect(await watermark()).toBe(cursor(1));
        return "value";
      });
      expect(result).toMatchObject({ value: "value", newCursor: cursor(1), recordsProcessed: 1 });
      expect(await own.rows()).toEqual(["a row"]);
      expect((await state.audit({ key: stream })).items).toHaveLength(1);
    });

    test("P2: rolled back and thrown, neither is kept and the run has failed", async () => {
      const error = new Error("a constraint");
      const failing = deltaRun(state, stream, async (run) => {
        run.setNewCursor(cursor(1));
        const transaction = await own.begin();
        await transaction.insert("a row");
        await run.complete({ transaction: transaction.handle });
        await transaction.rollback();
        throw error;
      });
      await expect(failing).rejects.toBe(error);
      expect(await own.rows()).toEqual([]);
      expect(await state.get(stream)).toMatchObject({
        status: "failed",
        cursor: null,
        lastError: "a constraint",
      });
    });

    test("rolled back and forgotten, the run is a failure and no success", async () => {
      const forgetful = deltaRun(state, stream, async (run) => {
        run.setNewCursor(cursor(1));
        const transaction = await own.begin();
        await run.complete({ transaction: transaction.handle });
        await transaction.rollback();
      });
      await expect(forgetful).rejects.toMatchObject({ code: "CURSOR_NOT_SET" });
      expect(await state.get(stream)).toMatchObject({ status: "failed", cursor: null });
    });

    test("rolled back, it may be tried again in another transaction", async () => {
      const result = await deltaRun(state, stream, async (run) => {
        run.setNewCursor(cursor(1));
        for (const outcome of ["rollback", "commit"] as const) {
          const transaction = await own.begin();
          await transaction.insert(outcome);
          await run.complete({ transaction: transaction.handle });
          await transaction[outcome]();
        }
      });
      expect(result.newCursor).toBe(cursor(1));
      expect(await own.rows()).toEqual(["commit"]);
    });

    test("a callback that throws after its commit has completed all the same", async () => {
      const error = new Error("too late");
      const failing = deltaRun(state, stream, async (run) => {
        run.setNewCursor(cursor(1));
        const transaction = await own.begin();
        await run.complete({ transaction: transaction.handle });
        await transaction.commit();
        throw error;
      });
      await expect(failing).rejects.toBe(error);
      expect(await state.get(stream)).toMatchObject({ status: "completed", cursor: { value: cursor(1) } });
    });

    test("completing needs a cursor there too, and the caller may roll back", async () => {
      const failing = deltaRun(state, stream, async (run) => {
        const transaction = await own.begin();
        await transaction.insert("a row");
        try {
          await run.complete({ transaction: transaction.handle });
        } finally {
          await transaction.rollback();
        }
      });
      await expect(failing).rejects.toMatchObject({ code: "CURSOR_NOT_SET" });
      expect(await own.rows()).toEqual([]);
    });

    test("a backfill's rows are committed with its end", async () => {
      await deltaRun(state, { ...stream, mode: "backfill" }, async (run) => {
        const transaction = await own.begin();
        await transaction.insert("a row");
        await run.complete({ transaction: transaction.handle });
        await transaction.commit();
      });
      expect(await own.rows()).toEqual(["a row"]);
      expect((await state.runs(stream)).items[0]).toMatchObject({ kind: "backfill", outcome: "completed" });
    });

    /** Inserts a batch and moves the cursor in one transaction, which ends as told. */
    async function batch(run: DeltaRun, second: number, end: "commit" | "rollback"): Promise<void> {
      const transaction = await own.begin();
      await transaction.insert(String(second));
      await run.checkpoint(cursor(second), { transaction: transaction.handle });
      await transaction[end]();
    }

    test("P2: a batch a checkpoint, whichever of them are rolled back", async () => {
      const result = await deltaRun(state, stream, async (run) => {
        await batch(run, 1, "rollback");
        expect(await watermark()).toBeNull();
        await batch(run, 1, "commit");
        await batch(run, 2, "commit");
        await batch(run, 3, "rollback");
        await batch(run, 3, "rollback");
        expect(await watermark()).toBe(cursor(2));
        await run.checkpoint(cursor(3));
        await batch(run, 4, "commit");
        await batch(run, 5, "rollback");
      });
      expect(await own.rows()).toEqual(["1", "2", "4"]);
      expect(result.newCursor).toBe(cursor(4));
      expect((await state.runs(stream)).items[0]?.checkpoints).toBe(4);
    });

    test("several checkpoints in one transaction", async () => {
      await deltaRun(state, stream, async (run) => {
        for (const end of ["rollback", "commit"] as const) {
          const transaction = await own.begin();
          await run.checkpoint(cursor(1), { transaction: transaction.handle });
          await run.checkpoint(cursor(2), { transaction: transaction.handle });
          await transaction[end]();
        }
        expect(await watermark()).toBe(cursor(2));
      });
      expect(await watermark()).toBe(cursor(2));
    });

    test("a checkpoint that was rolled back is not committed by completing", async () => {
      const result = await deltaRun(state, stream, async (run) => {
        await batch(run, 1, "commit");
        await batch(run, 9, "rollback");
      });
      expect(result.newCursor).toBe(cursor(1));
      expect(await watermark()).toBe(cursor(1));
    });

    test("P4: a run that was taken over commits nothing", async () => {
      const zombie = deltaRun(state, stream, async (run) => {
        await state.begin(stream, { cursorType: "timestamp_utc" });
        run.setNewCursor(cursor(9));
        const transaction = await own.begin();
        try {
          await transaction.insert("a row");
          await run.complete({ transaction: transaction.handle });
          await transaction.commit();
        } catch (error) {
          await transaction.rollback();
          throw error;
        }
      });
      await expect(zombie).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
      expect(await own.rows()).toEqual([]);
      expect(await watermark()).toBeNull();
    });
  });
}
