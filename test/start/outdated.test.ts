import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { events, sourceServer } from "../cli/source-server.ts";
import { temporaryFolder } from "../cli/support.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { idsIn, scheduledYaml, startSchedules, toFile } from "./support.ts";

const raise = "UPDATE tidemark_schema SET version = version + 1";
const toldOnce = /^a newer version of Tidemark has upgraded the state/;

interface Kept {
  readonly url: string;
  upgrade(cwd: string): Promise<void>;
}

async function onSqlite(): Promise<Kept> {
  return {
    url: "sqlite:state.db",
    upgrade: async (cwd) => {
      const db = new DatabaseSync(join(cwd, "state.db"));
      db.exec(raise);
      db.close();
    },
  };
}

const backends: Readonly<Record<string, () => Promise<Kept>>> = {
  sqlite: onSqlite,
  postgres: async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    return {
      url: database.url,
      upgrade: async () => {
        const client = new pg.Client({ connectionString: database.url });
        await client.connect();
        await client.query(raise);
        await client.end();
      },
    };
  },
};

for (const [name, open] of Object.entries(backends)) {
  it(`a start whose state was upgraded under it says so once and ends with 2: ${name}`, async () => {
    const cwd = temporaryFolder();
    const source = await sourceServer(events(1));
    for (const pipeline of ["a", "b"]) {
      const yaml = scheduledYaml(pipeline, source.endpoint, toFile(pipeline));
      writeFileSync(join(cwd, `${pipeline}.yaml`), yaml);
    }
    const { url, upgrade } = await open();
    const running = startSchedules(cwd, ["a.yaml", "b.yaml", "--no-service", "--state", url]);
    await running.line({ msg: "run completed" });
    await upgrade(cwd);
    expect((await running.ended).code).toBe(2);
    const told = running.lines.filter(({ msg }) => toldOnce.test(String(msg)));
    expect(told).toMatchObject([{ level: "error", code: "STATE_TOO_NEW" }]);
    expect(running.lines.at(-1)).toMatchObject({ msg: "stopped" });
  });
}

it("a run over another state comes to its next checkpoint before the process ends", async () => {
  const cwd = temporaryFolder();
  const source = await sourceServer(events(5));
  const asked = Promise.withResolvers<() => void>();
  source.intercept = (_, response, url) => {
    if (url.searchParams.get("page") !== "2") return false;
    asked.resolve(() => response.end("{}"));
    return true;
  };
  const own = scheduledYaml("own", source.endpoint, toFile("own"), "* * * * * *").replace(
    "statePersistence:\n",
    "statePersistence:\n    storagePath: ./own-state\n",
  );
  writeFileSync(join(cwd, "own.yaml"), own);
  const plain = await sourceServer(events(1));
  writeFileSync(join(cwd, "events.yaml"), scheduledYaml("events", plain.endpoint, toFile("events")));
  const running = startSchedules(cwd, [
    "own.yaml",
    "events.yaml",
    "--no-service",
    "--state",
    "sqlite:state.db",
  ]);
  const answer = await asked.promise;
  await running.line({ msg: "run completed" });
  const { upgrade } = await onSqlite();
  await upgrade(cwd);
  await running.line({ msg: toldOnce });
  await running.line({ msg: "draining" });
  answer();
  expect((await running.ended).code).toBe(2);
  expect(idsIn(cwd, "own")).toEqual([1, 2]);
  expect(existsSync(join(cwd, "own-state"))).toBe(true);
});
