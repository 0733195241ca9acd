import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { expect, it } from "vitest";
import { Metrics } from "../../src/observability/metrics.ts";
import { openState } from "../../src/state/open.ts";
import { openPostgresState } from "../../src/state/postgres/postgres.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { temporaryFolder } from "../cli/support.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { done, problemIn, startService } from "./support.ts";

async function stateUp(metrics: Metrics): Promise<string | undefined> {
  const { body } = await metrics.scrape();
  return /^tidemark_state_up (\d)$/m.exec(body)?.[1];
}

it("a PostgreSQL that takes no writes is not ready, and is told as down", async () => {
  const database = await createTestDatabase();
  const state = await openPostgresState(database.url);
  try {
    const clock = new FakeClock();
    const metrics = new Metrics({ version: "1", streams: () => [{ state }] });
    const service = await startService({ state, clock });
    done(await service.ask("GET", "/readyz"));
    expect(await stateUp(metrics)).toBe("1");
    const name = new URL(database.url).pathname.slice(1);
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(`ALTER DATABASE "${name}" SET default_transaction_read_only = on`);
    await client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    await client.end();
    await clock.advance(11_000);
    expect(problemIn(await service.ask("GET", "/readyz"))).toMatchObject({
      status: 503,
      code: "STATE_UNAVAILABLE",
    });
    expect(await stateUp(metrics)).toBe("0");
  } finally {
    await state.close();
    await database.drop();
  }
});

it("looking whether a state can be written writes nothing and waits for a writer", async () => {
  const file = `${temporaryFolder()}/state.db`;
  await using state = await openState(`sqlite:${file}`);
  const service = await startService({ state });
  const other = new DatabaseSync(file);
  const changes = () => other.prepare("PRAGMA data_version").get();
  const before = changes();
  done(await service.ask("GET", "/readyz"));
  expect(changes()).toEqual(before);
  expect((await state.list()).items).toEqual([]);
  other.close();
});

it("a state that a newer version has taken over is not ready", async () => {
  const file = `${temporaryFolder()}/state.db`;
  await using state = await openState(`sqlite:${file}`);
  const clock = new FakeClock();
  const service = await startService({ state, clock });
  done(await service.ask("GET", "/readyz"));
  const newer = new DatabaseSync(file);
  newer.exec("UPDATE tidemark_schema SET version = version + 1");
  newer.close();
  await clock.advance(2_000);
  const problem = problemIn(await service.ask("GET", "/readyz"));
  expect(problem).toMatchObject({
    status: 503,
    code: "STATE_UNAVAILABLE",
    hint: expect.stringContaining("Upgrade"),
  });
});
