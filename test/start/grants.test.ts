import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { openKeys } from "../../src/api/keys/open.ts";
import { openState } from "../../src/state/storage/open.ts";
import { createTestDatabase } from "../support/postgres.ts";

const guide = readFileSync(new URL("../../docs/operations/README.md", import.meta.url), "utf8");

test("the roles of the operations guide can do all that a process does, and cannot change the audit log", async () => {
  const database = await createTestDatabase();
  // Roles belong to the whole server, which other tests use too.
  const suffix = randomBytes(4).toString("hex");
  const [roles = "", revoke = ""] = [...guide.matchAll(/```sql\n(.*?)```/gs)].map(([, sql = ""]) =>
    sql.replace(/tidemark_(owner|app)/g, (role) => `${role}_${suffix}`),
  );
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  onTestFinished(async () => {
    for (const role of ["app", "owner"]) {
      await admin.query(
        `DROP OWNED BY tidemark_${role}_${suffix} CASCADE; DROP ROLE tidemark_${role}_${suffix}`,
      );
    }
    await admin.end();
    await database.drop();
  });
  await admin.query(roles);
  await admin.query(
    `ALTER ROLE tidemark_owner_${suffix} PASSWORD 'owner-pass'; ALTER ROLE tidemark_app_${suffix} PASSWORD 'app-pass'`,
  );
  const asRole = (role: string): string => {
    const url = new URL(database.url);
    url.username = `tidemark_${role}_${suffix}`;
    url.password = `${role}-pass`;
    return url.href;
  };

  const made = await openKeys(asRole("owner"));
  await made.close();
  await (await openState(asRole("owner"))).close();
  await admin.query(revoke);

  await using state = await openState(asRole("app"));
  const key = { connector: "acme", stream: "events" };
  const run = await state.begin(key, { cursorType: "timestamp_utc" });
  const position = { ...run.position, watermark: "2026-01-01T00:00:00Z" };
  await state.checkpoint(run, { sequence: 1, position, recordsProcessed: 5 });
  await state.heartbeat(run);
  await state.complete(run, { newCursor: "2026-01-02T00:00:00Z" });
  await state.fail(await state.begin(key, { cursorType: "timestamp_utc" }), { error: "no" });
  await state.reset(key, { to: null, reason: "test", actor: "tester" });
  await state.rewind(key, { toRun: run.runId, reason: "test", actor: "tester" });
  await state.prune({ keepRuns: 1 });
  expect(await state.verifyAudit()).toMatchObject({ streams: 1 });
  const keys = await openKeys(asRole("app"));
  onTestFinished(() => keys.close());
  expect(await keys.hasUsable()).toBe(false);

  const app = new pg.Client({ connectionString: asRole("app") });
  await app.connect();
  onTestFinished(() => app.end());
  for (const sql of [
    "UPDATE tidemark_audit SET reason = 'x'",
    "DELETE FROM tidemark_audit",
    "DELETE FROM tidemark_key_audit",
    "DROP TABLE tidemark_streams",
    "CREATE TABLE mine (a int)",
  ]) {
    await expect(app.query(sql), sql).rejects.toThrow(/permission denied|must be owner/);
  }
});
