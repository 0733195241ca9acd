import { describe, expect, onTestFinished, test } from "vitest";
import { openSql } from "../src/databases/open.ts";
import { openState } from "../src/state/storage/open.ts";
import { behindPgbouncer, pgbouncerMissing } from "./support/pgbouncer.ts";
import { createTestDatabase } from "./support/postgres.ts";

async function databaseUrl(): Promise<string> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database.url;
}

const why = pgbouncerMissing === null ? "" : ` (skipped: ${pgbouncerMissing})`;

describe.skipIf(pgbouncerMissing !== null)(`behind PgBouncer${why}`, () => {
  test.each(["transaction", "statement"] as const)(
    "%s mode is refused by name at the first connection, and nothing stays set for others",
    async (mode) => {
      const url = await databaseUrl();
      const pool = await behindPgbouncer(url, mode);
      const refusal = {
        recoverable: false,
        message: expect.stringMatching(/pooler.*PgBouncer.*transaction mode/),
      };
      for (const role of ["input", "output"] as const) {
        const code = role === "input" ? "SOURCE_UNAVAILABLE" : "OUTPUT_UNAVAILABLE";
        await expect(openSql(pool, { role })).rejects.toMatchObject({
          ...refusal,
          code,
          hint: expect.stringContaining("session mode"),
        });
      }
      await expect(openState(pool)).rejects.toMatchObject({ ...refusal, code: "STATE_UNAVAILABLE" });
      const { default: pg } = await import("pg");
      const other = new pg.Client({ connectionString: pool });
      await other.connect();
      onTestFinished(() => other.end());
      const { rows } = await other.query(
        "SELECT name FROM pg_settings WHERE source = 'session' AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings')",
      );
      expect(rows).toEqual([]);
    },
  );

  test("session mode serves inputs, outputs and the state, and an abort reaches the right session", async () => {
    const pool = await behindPgbouncer(await databaseUrl(), "session");
    const output = await openSql(pool, { role: "output" });
    onTestFinished(() => output.close());
    const state = await openState(pool);
    onTestFinished(() => state.close());
    const input = await openSql(pool, { role: "input" });
    onTestFinished(() => input.close());
    expect(await input.query("SELECT '1 day 2 hours'::interval AS span")).toEqual([{ span: "P1DT2H" }]);

    const stop = new AbortController();
    const reading = (async () => {
      const pages = input.stream("SELECT pg_sleep(3600)", [], { pageSize: 1, signal: stop.signal });
      for await (const _ of pages);
    })();
    const running =
      "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(3600)' AND state = 'active'";
    await expect.poll(() => output.query(running)).toHaveLength(1);
    stop.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
  });
});
