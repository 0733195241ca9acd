import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openState } from "../src/index.ts";
import { openSqliteState } from "../src/state/storage/sqlite/sqlite.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { stateStoreSuite } from "../testing/state-suite.ts";
import { BetterSqlite as driver } from "./support/drivers.js";

stateStoreSuite(
  { describe, it },
  {
    name: "sqlite by better-sqlite3",
    async open() {
      const folder = await mkdtemp(join(tmpdir(), "tidemark-state-"));
      const file = join(folder, "state.db");
      const clock = new FakeClock();
      const store = await openSqliteState(file, { clock, driver });
      return {
        store,
        reopen: () => openSqliteState(file, { clock, driver }),
        expireLease: () => clock.advance(86_400_000),
        async close() {
          await store.close();
          await rm(folder, { recursive: true });
        },
      };
    },
    skip: {
      "the caller's own transaction": "test/other-transactions.test.ts has them, by this driver and others",
    },
  },
);

it("a class that is not better-sqlite3's is refused by name", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-state-"));
  const opening = openState(`sqlite:${join(folder, "state.db")}`, { sqlite: class {} });
  await expect(opening).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
  await rm(folder, { recursive: true });
});
