import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it, onTestFinished } from "vitest";
import { events, pipelineYaml, sourceServer } from "./source-server.ts";
import { execute, jsonOf, temporaryFolder, tidemark } from "./support.ts";

async function place(output: string) {
  const cwd = temporaryFolder();
  const source = await sourceServer(events(5));
  writeFileSync(join(cwd, "events.yaml"), pipelineYaml("events", source.endpoint, output));
  return { cwd, source };
}

it("--since delivers a stretch again that was deleted, and leaves the watermark where it is", async () => {
  const { cwd } = await place(
    "{ type: database, connectionString: 'sqlite:./out.db', table: events, key: id }",
  );
  await execute(["run", "events.yaml"], { cwd });
  const db = new DatabaseSync(join(cwd, "out.db"));
  onTestFinished(() => db.close());
  db.exec("DELETE FROM events WHERE id >= 3");
  const again = jsonOf(
    await execute(["run", "events.yaml", "--since", "2026-01-01T00:03:00Z", "--json"], { cwd }),
  );
  expect(again).toMatchObject({
    records_written: 3,
    lower_bound: "2026-01-01T00:05:00Z",
    new_cursor: "2026-01-01T00:05:00Z",
  });
  expect(db.prepare("SELECT count(*) AS n FROM events").get()).toEqual({ n: 5 });
});

it("--since and --lookback-days that cannot be meant are refused, each saying why", async () => {
  const { cwd } = await place("{ type: file, path: ./out.jsonl }");
  expect((await execute(["run", "events.yaml"], { cwd })).code).toBe(0);
  const appended = await execute(["run", "events.yaml", "--since", "2026-01-01"], { cwd });
  expect(appended.stderr).toContain("would be added again");
  expect(appended.code).toBe(1);
  expect(appended.stdout).toContain("2026-01-01T00:05:00Z, unchanged");
  const rubbish = await execute(["run", "events.yaml", "--since", "rubbish"], { cwd });
  expect(rubbish.stderr).toContain('since is "rubbish"');
  expect(rubbish.stdout).not.toContain("watermark");
  expect(rubbish.code).toBe(2);
  const refreshed = await execute(["run", "events.yaml", "--full-refresh"], { cwd });
  expect(refreshed.stdout).not.toContain("watermark");
  expect(refreshed.code).toBe(2);
  const days = await execute(["run", "events.yaml", "--lookback-days", "some"], { cwd });
  expect(days.stderr).toContain("Give a whole number of days");
  expect(days.code).toBe(2);
  const both = await execute(["run", "events.yaml", "--since", "2026-01-01", "--full-refresh"], { cwd });
  expect(both.code).toBe(2);
});

it("--lookback-days is how far back a first run begins", async () => {
  const { cwd, source } = await place("{ type: file, path: ./out.jsonl }");
  source.events.push({ id: 99, at: new Date(Date.now() - 3_600_000).toISOString() });
  const first = jsonOf(await tidemark(["run", "events.yaml", "--lookback-days", "1", "--json"], { cwd }));
  expect(first).toMatchObject({ records_written: 1, lower_bound: null });
});
