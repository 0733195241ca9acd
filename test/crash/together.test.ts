import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { appendOutputs } from "../support/append-outputs.ts";
import { startCommand, testFolder } from "../support/command.ts";
import { lostAndRepeated } from "../support/delivered.ts";
import { inLongRun } from "../support/long-run.ts";
import { recordAt, recordsPipeline, startRecordsSource } from "../support/records-source.ts";

const rounds = inLongRun(2, 25);

const settings = { SQLite: appendOutputs.sqlite, PostgreSQL: appendOutputs.postgresWithState };

for (const [name, make] of Object.entries(settings)) {
  test(`P4: of two processes that start one pipeline at the same moment, ${rounds} times over, one runs and one is skipped (${name})`, async () => {
    const folder = testFolder();
    const { state, output, delivered } = await make(folder);
    await using source = await startRecordsSource(0, 10);
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
  });
}
