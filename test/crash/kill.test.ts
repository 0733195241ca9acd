import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { appendOutputs } from "../support/append-outputs.ts";
import { startCommand, testFolder } from "../support/command.ts";
import { lostAndRepeated } from "../support/delivered.ts";
import { inLongRun } from "../support/long-run.ts";
import { mysqlRuns } from "../support/mysql-tests.ts";
import { recordsPipeline, startRecordsSource } from "../support/records-source.ts";

const deaths = inLongRun(2, 30);
/** More than so many runs read before they die. */
const count = (deaths + 1) * 1600;

const settings = {
  "an append table in SQLite": appendOutputs.sqlite,
  "an append table in PostgreSQL, with the state in the same database": appendOutputs.postgresWithState,
  ...(mysqlRuns ? { "an append table in MySQL": appendOutputs.mysql } : {}),
  "a jsonl file": appendOutputs.file,
};

for (const [name, make] of Object.entries(settings)) {
  test(`P1 P2: a sync killed ${deaths} times at random moments delivers every record exactly once to ${name}`, async () => {
    const folder = testFolder();
    const { state, output, delivered } = await make(folder);
    await using source = await startRecordsSource(count, 100);
    writeFileSync(join(folder, "records.yaml"), recordsPipeline(source, output));
    const seed = Number(process.env.TIDEMARK_SEED ?? Date.now() % 1_000_000);
    const random = generator(seed);

    let died = 0;
    while (died < deaths) {
      const killAt = source.seen.length + 2 + Math.floor(random() * 14);
      const run = startCommand(folder, "run", "records.yaml", "--json", "--state", state);
      source.onRequest = (requests) => {
        // Some time after the request: while the page before it is written, committed, checkpointed.
        if (requests === killAt) setTimeout(() => run.process.kill("SIGKILL"), random() * 12);
      };
      const { signal, stdout, stderr } = await run.ended;
      expect(signal, `seed ${seed}: it ended by itself: ${stdout} ${stderr}`).toBe("SIGKILL");
      died += 1;
    }
    source.onRequest = () => {};
    const last = await startCommand(folder, "run", "records.yaml", "--json", "--state", state).ended;
    expect(last.code, last.stderr).toBe(0);
    expect(JSON.parse(last.stdout)).toMatchObject({ status: "completed" });
    expect(lostAndRepeated(await delivered(), count), `seed ${seed}`).toEqual({ lost: [], repeated: [] });
  });
}

/** A small generator with a seed, so that a failure can be run again (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
