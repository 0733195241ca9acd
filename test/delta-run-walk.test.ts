import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deltaRun } from "../src/delta-run/delta-run.ts";
import { resolveSince } from "../src/delta-run/resolve-since.ts";
import type { StateStore } from "../src/state/contract.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import type { StateStoreHarness } from "../testing/state-suite.ts";
import { stateBackends } from "./support/state-backends.ts";

const stream = { connector: "sap_eu", stream: "suppliers" };

/** A system with suppliers that change over time. */
class Erp {
  readonly #suppliers: { id: number; updatedAt: string }[] = [];

  change(id: number, updatedAt: string): void {
    this.#suppliers.push({ id, updatedAt });
  }

  async fetchSince(since: string): Promise<{ records: number[]; watermark: string }> {
    const found = this.#suppliers.filter(({ updatedAt }) => updatedAt >= since);
    return { records: found.map(({ id }) => id), watermark: found.at(-1)?.updatedAt ?? since };
  }
}

for (const backend of stateBackends) {
  describe(`an entrypoint that polls for changes, on ${backend.name}`, () => {
    let harness: StateStoreHarness;
    let state: StateStore;
    let erp: Erp;
    const clock = new FakeClock("2026-01-10T00:00:00Z");

    beforeEach(async () => {
      harness = await backend.open();
      state = harness.store;
      erp = new Erp();
      erp.change(1, "2026-01-01T00:00:00Z");
      erp.change(2, "2026-01-05T00:00:00Z");
      erp.change(3, "2026-01-06T00:00:00Z");
    });
    afterEach(() => harness.close());

    const poll = (options: { override?: string; mode?: "live" | "backfill"; breaks?: boolean } = {}) =>
      deltaRun(state, { ...stream, mode: options.mode ?? "live", actor: "scheduler" }, async (run) => {
        const since = resolveSince(run.lowerBoundCursor, { override: options.override, clock });
        const { records, watermark } = await erp.fetchSince(since);
        if (options.breaks) throw new Error("the ERP is down");
        run.setNewCursor(watermark);
        run.setRecordsProcessed(records.length);
        run.setMetadata({ since });
        return records;
      });

    test("first run, next run, failure, retry, backfill, reset, as the audit log tells them", async () => {
      // The first run looks back seven days, and so does not see the oldest.
      expect((await poll()).value).toEqual([2, 3]);
      expect(await state.get(stream)).toMatchObject({
        status: "completed",
        cursor: { value: "2026-01-06T00:00:00Z" },
        recordsProcessed: 2,
        metadata: { since: "2026-01-03T00:00:00Z" },
      });

      // The next reads from the watermark on, inclusively.
      erp.change(4, "2026-01-11T00:00:00Z");
      expect((await poll()).value).toEqual([3, 4]);

      // A failed run moves nothing; the next reads the same window again.
      erp.change(5, "2026-01-12T00:00:00Z");
      await expect(poll({ breaks: true })).rejects.toThrow("the ERP is down");
      expect(await state.get(stream)).toMatchObject({
        status: "failed",
        cursor: { value: "2026-01-11T00:00:00Z" },
        lastError: "the ERP is down",
      });
      expect(await poll()).toMatchObject({ value: [4, 5], lowerBoundCursor: "2026-01-11T00:00:00Z" });

      // A backfill of an older window with the very same code leaves the watermark where it is.
      const backfill = await poll({ override: "2025-12-01T00:00:00Z", mode: "backfill" });
      expect(backfill.value).toEqual([1, 2, 3, 4, 5]);
      expect((await state.get(stream))?.cursor?.value).toBe("2026-01-12T00:00:00Z");

      // An operator sets the cursor back, and says why.
      await state.reset(stream, { to: "2026-01-05T00:00:00Z", reason: "rows were lost", actor: "ada" });
      expect((await poll()).value).toEqual([2, 3, 4, 5]);

      const audit = (await state.audit({ key: stream })).items;
      expect(audit.map(({ actor, action, newCursor, reason }) => [actor, action, newCursor, reason])).toEqual(
        [
          ["scheduler", "advance", "2026-01-06T00:00:00Z", null],
          ["scheduler", "advance", "2026-01-11T00:00:00Z", null],
          ["scheduler", "advance", "2026-01-12T00:00:00Z", null],
          ["ada", "reset", "2026-01-05T00:00:00Z", "rows were lost"],
          ["scheduler", "advance", "2026-01-12T00:00:00Z", null],
        ],
      );
      expect(await state.verifyAudit()).toEqual({ streams: 1, rows: 5 });
      const history = (await state.runs(stream)).items;
      expect(history.map(({ kind, outcome, recordsProcessed }) => [kind, outcome, recordsProcessed])).toEqual(
        [
          ["live", "completed", 4],
          ["backfill", "completed", 5],
          ["live", "completed", 2],
          ["live", "failed", 0],
          ["live", "completed", 2],
          ["live", "completed", 2],
        ],
      );
    });

    test("a backfill run as a live one is refused as a regression, not committed over the cursor", async () => {
      await poll();
      const old = deltaRun(state, stream, (run) => run.setNewCursor("2025-12-01T00:00:00Z"));
      await expect(old).rejects.toMatchObject({ code: "CURSOR_REGRESSION" });
    });

    test("read, then decide: the bare calls leave the policy to their caller", async () => {
      const running = await state.begin(stream, { cursorType: "timestamp_utc" });
      const seen = await state.get(stream);
      expect(seen).toMatchObject({ status: "running", startedAtUtc: running.startedAtUtc });
      const next = await state.begin(stream, { cursorType: "timestamp_utc" });
      expect(next.supersededRunId).toBe(running.runId);
      // The run that was overridden wakes up, and does no harm.
      await expect(state.complete(running, { newCursor: "2030-01-01T00:00:00Z" })).rejects.toMatchObject({
        code: "RUN_SUPERSEDED",
      });
      await state.complete(next, { newCursor: "2026-01-06T00:00:00Z", recordsProcessed: 2 });
    });

    test("numbers and tokens keep their place too, each stream in its own way", async () => {
      const ids = { connector: "acme", stream: "orders", cursorType: "numeric_id" as const };
      const tokens = { connector: "acme", stream: "changes", cursorType: "opaque_token" as const };
      await deltaRun(state, ids, (run) => run.setNewCursor(9));
      await deltaRun(state, ids, (run) => run.setNewCursor(10));
      await expect(deltaRun(state, ids, (run) => run.setNewCursor(9))).rejects.toMatchObject({
        code: "CURSOR_REGRESSION",
      });
      for (const token of ["zz", "aa", "aa"]) await deltaRun(state, tokens, (run) => run.setNewCursor(token));
      const { value } = await deltaRun(state, tokens, (run) => {
        run.setNewCursor("mm");
        return run.lowerBoundCursor;
      });
      expect(value).toBe("aa");
      expect((await state.audit({ key: tokens })).items).toHaveLength(3);
    });
  });
}

test("heartbeats keep no process alive in which nothing else goes on", async () => {
  const module = (path: string): string => JSON.stringify(new URL(`../src/${path}`, import.meta.url).href);
  const program = `
    import { deltaRun } from ${module("delta-run/delta-run.ts")};
    import { openMemoryState } from ${module("state/storage/memory/memory.ts")};
    console.log("begun");
    await deltaRun(openMemoryState(), { connector: "c", stream: "s", leaseSeconds: 86400 }, () => new Promise(() => {}));
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [[code], [line]] = await Promise.all([once(child, "exit"), once(child.stdout, "data")]);
  expect(String(line)).toBe("begun\n");
  // What Node answers for a top-level await that nothing can settle any more.
  expect(code).toBe(13);
});
