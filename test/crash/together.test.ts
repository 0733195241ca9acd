import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startCommand, testFolder } from "../support/command.ts";
import { idsInPostgres, idsInSqlite, lostAndRepeated } from "../support/delivered.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { recordAt, recordsPipeline, startRecordsSource } from "../support/records-source.ts";

const rounds = 25;

const settings = {
  SQLite: async (folder: string) => ({
    state: "sqlite:./state.db",
    connection: "sqlite:./out.db",
    delivered: idsInSqlite(join(folder, "out.db"), "records"),
  }),
  PostgreSQL: async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    return {
      state: database.url,
      connection: database.url,
      delivered: idsInPostgres(database.url, "records"),
    };
  },
};

for (const [name, make] of Object.entries(settings)) {
  test(`P4: of two processes that start one pipeline at the same moment, ${rounds} times over, one runs and one is skipped (${name})`, async () => {
    const folder = testFolder();
    const { state, connection, delivered } = await make(folder);
    await using source = await startRecordsSource(0, 10);
    const output = `{ type: database, connectionString: "${connection}", table: records, mode: append }`;
    writeFileSync(join(folder, "records.yaml"), recordsPipeline(source, output));
    const start = () => startCommand(folder, "run", "records.yaml", "--json", "--state", state).ended;

    for (let round = 0; round < rounds; round++) {
      for (let added = 0; added < 3; added++) source.records.push(recordAt(source.records.length));
      // Whichever gets the stream is kept waiting until the other has been sent away.
      const first = Promise.withResolvers<void>();
      source.onRequest = () => first.promise;
      const both = [start(), start()];
      void Promise.race(both).then(() => first.resolve(), first.reject);
      const ended = await Promise.all(both);
      const statuses = ended.map(({ stdout, stderr }) => {
        expect(stdout, stderr).not.toBe("");
        return JSON.parse(stdout).status;
      });
      expect(statuses.sort(), `round ${round}`).toEqual(["completed", "skipped"]);
      expect(ended.map(({ code }) => code)).toEqual([0, 0]);
    }
    expect(lostAndRepeated(await delivered(), source.records.length)).toEqual({ lost: [], repeated: [] });
  }, 240_000);
}
