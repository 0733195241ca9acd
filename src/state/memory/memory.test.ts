import { describe, expect, it, test } from "vitest";
import { memoryBackend } from "../../../test/support/state-backends.ts";
import { stateStoreSuite } from "../../testing/state-suite.ts";
import { mostListed } from "../listing.ts";
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
