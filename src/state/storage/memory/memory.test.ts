import { describe, expect, it, test } from "vitest";
import { memoryBackend } from "../../../../test/support/state-backends.ts";
import { FakeClock } from "../../../../testing/fake-clock.ts";
import { stateStoreSuite } from "../../../../testing/state-suite.ts";
import { mostListed } from "../../listing.ts";
import { openMemoryState } from "./memory.ts";

const reopened = "state in memory is one store's own and ends with it";

stateStoreSuite(
  { describe, it },
  {
    ...memoryBackend,
    skip: {
      "the caller's own transaction": "there is no database that a caller could have a transaction on",
      "two stores on one state see each other's writes at once": reopened,
      "of many begins through two stores, one is granted": reopened,
      "P12: a checkpoint that comes right after a request by another process is chained to it": reopened,
      "all is kept when the store is closed and opened again": reopened,
    },
  },
);

test("P12: all streams are verified, also more than one listing returns", async () => {
  const streams = mostListed + 1;
  await using store = openMemoryState();
  for (let n = 0; n < streams; n++) {
    const run = await store.begin({ connector: "c", stream: String(n) }, { cursorType: "numeric_id" });
    await store.complete(run, { newCursor: "1" });
  }
  expect(await store.verifyAudit()).toEqual({ streams, rows: streams });
});

test("a lease from a clock that was ahead and was set back holds nobody up, and a live run keeps its own", async () => {
  const clock = new FakeClock("2026-01-01T03:00:00Z");
  await using store = openMemoryState({ clock });
  const key = { connector: "c", stream: "s" };
  const refusing = { cursorType: null, ifRunning: "refuse", leaseSeconds: 60 } as const;
  const ahead = await store.begin(key, refusing);
  await clock.advance(-20_000);
  await expect(store.begin(key, refusing)).rejects.toMatchObject({ code: "RUN_ACTIVE" });
  await clock.advance(-2 * 3_600_000);
  await store.heartbeat(ahead);
  await expect(store.begin(key, refusing)).rejects.toMatchObject({ code: "RUN_ACTIVE" });
  await clock.advance(-2 * 3_600_000);
  expect(await store.begin(key, refusing)).toMatchObject({ epoch: 2, supersededRunId: ahead.runId });
  await expect(store.heartbeat(ahead)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
});
