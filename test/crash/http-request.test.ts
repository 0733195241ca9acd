import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runCommand, startCommand, testFolder } from "../support/command.ts";
import { lostAndRepeated } from "../support/delivered.ts";
import { startHttpServer } from "../support/http-server.ts";
import { recordsPipeline, startRecordsSource } from "../support/records-source.ts";

const count = 600;
/** At or after which requests a run dies, some before the endpoint has answered and some after. */
const deaths = [3, 104, 251, 252, 377, 478, 560];

test("P1: a sync killed while it sends repeats requests under the same idempotency keys, and loses none", async () => {
  const folder = testFolder();
  await using source = await startRecordsSource(count, 50);
  let run: ReturnType<typeof startCommand> | null = null;
  // One death a run: what a dead process had sent before may still arrive.
  let next: number | undefined;
  const arrived: { id: number; key: unknown }[] = [];
  const target = await startHttpServer(({ body, headers }, response) => {
    arrived.push({ id: Number(JSON.parse(body).id), key: headers["idempotency-key"] });
    const dies = next !== undefined && arrived.length >= next;
    if (dies && arrived.length % 2 === 0) run?.process.kill("SIGKILL");
    response.end();
    if (dies) run?.process.kill("SIGKILL");
    if (dies) next = undefined;
  });
  onTestFinished(() => target[Symbol.asyncDispose]());
  const output = `{ type: httpRequest, endpoint: "${target.origin}/records" }`;
  writeFileSync(join(folder, "records.yaml"), recordsPipeline(source, output));
  for (const death of deaths) {
    next = death;
    run = startCommand(folder, "run", "records.yaml", "--state", "sqlite:./state.db");
    expect((await run.ended).signal).toBe("SIGKILL");
  }
  const last = await runCommand(folder, "run", "records.yaml", "--json", "--state", "sqlite:./state.db");
  expect(JSON.parse(last.stdout)).toMatchObject({ status: "completed", warnings: [] });

  const once = new Map(arrived.map(({ key, id }) => [key, id]));
  expect(lostAndRepeated([...once.values()], count)).toEqual({ lost: [], repeated: [] });
  expect(arrived.length).toBeGreaterThan(count);
});
