import type { ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { openState } from "../../src/index.ts";
import { appendOutputs } from "../support/append-outputs.ts";
import { runCommand, startCommand, testFolder } from "../support/command.ts";
import { lostAndRepeated } from "../support/delivered.ts";
import { inLongRun } from "../support/long-run.ts";
import { mysqlRuns } from "../support/mysql-tests.ts";
import { recordsPipeline, startRecordsSource } from "../support/records-source.ts";

const count = 1000;
const key = { connector: "records", stream: "default" };

const settings = {
  SQLite: appendOutputs.sqlite,
  PostgreSQL: appendOutputs.postgres,
  "PostgreSQL with the state in it": appendOutputs.postgresWithState,
  ...(mysqlRuns ? { MySQL: appendOutputs.mysql } : {}),
  "a jsonl file": appendOutputs.file,
};

for (const [index, [name, make]] of Object.entries(settings).entries()) {
  // A stop after a checkpoint and one among the pages before the next: by turns, or each with each output.
  for (const pagesPerCheckpoint of inLongRun([index % 2 === 0 ? 3 : 1], [1, 3])) {
    test(`P4: a run stopped past its lease and woken after a takeover changes nothing (${name}, a checkpoint every ${pagesPerCheckpoint})`, async () => {
      const folder = testFolder();
      const { state, output, delivered } = await make(folder);
      await using source = await startRecordsSource(count, 100);
      const pipeline = recordsPipeline(source, output, "leaseSeconds: 1").replace(
        "order: ascending",
        `order: ascending\n    pagesPerCheckpoint: ${pagesPerCheckpoint}`,
      );
      writeFileSync(join(folder, "records.yaml"), pipeline);
      const place = state.replace("sqlite:.", `sqlite:${folder}`);
      const command = ["run", "records.yaml", "--json", "--state", state];

      // The first run is stopped while it waits for its sixth page, with pages written and not committed. It
      // is not stopped inside of a transaction: there SQLite's lock is its own until it wakes.
      const committed = Math.floor(5 / pagesPerCheckpoint) * pagesPerCheckpoint * 100;
      const wake = Promise.withResolvers<void>();
      const stopped = Promise.withResolvers<void>();
      source.onRequest = async (requests) => {
        if (requests !== 6) return;
        await using store = await openState(place);
        await expect.poll(async () => (await store.get(key))?.recordsProcessed).toBe(committed);
        stopOutsideTransactions(zombie.process, folder, state);
        stopped.resolve();
        await wake.promise;
      };
      const zombie = startCommand(folder, ...command);
      await stopped.promise;

      // Until the lease has run out, another is refused and skipped.
      let successor = await runCommand(folder, ...command);
      await using store = await openState(place);
      while (JSON.parse(successor.stdout).status === "skipped") {
        const { lease } = (await store.get(key)) ?? {};
        await expect
          .poll(() => Date.now(), { interval: 20 })
          .toBeGreaterThan(Date.parse(lease?.expiresAtUtc ?? "1970-01-01"));
        successor = await runCommand(folder, ...command);
      }
      expect(JSON.parse(successor.stdout), successor.stderr).toMatchObject({ status: "completed" });
      const after = await store.export(key);

      wake.resolve();
      zombie.process.kill("SIGCONT");
      const woken = await zombie.ended;
      expect(woken.code, woken.stderr).toBe(1);
      expect(JSON.parse(woken.stdout)).toMatchObject({
        status: "superseded",
        error: { code: "RUN_SUPERSEDED" },
      });
      expect(lostAndRepeated(await delivered(), count)).toEqual({ lost: [], repeated: [] });
      expect(await store.export(key)).toEqual(after);
    });
  }
}

/** A heartbeat may be at hand at any moment; while another holds SQLite's lock it is not inside of its own. */
function stopOutsideTransactions(process: ChildProcess, folder: string, state: string): void {
  const file = state === "sqlite:./state.db" ? join(folder, "state.db") : ":memory:";
  const database = new DatabaseSync(file, { timeout: 60_000 });
  database.exec("BEGIN IMMEDIATE");
  process.kill("SIGSTOP");
  database.close();
}
