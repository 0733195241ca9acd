import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { postgresPlace } from "../../../test/support/database-input.ts";
import { emptyPosition } from "../../model/position.ts";
import { parsePrecision } from "../../model/precision.ts";
import { isoFormat } from "../../model/timestamp.ts";
import type { BoundParts } from "../port.ts";
import { openPostgres } from "../postgres/connection.ts";
import { isLong } from "./waiting.ts";

async function createBound() {
  const { url, beside } = await postgresPlace();
  await beside.execute("CREATE TABLE events (id bigserial PRIMARY KEY)");
  await beside.execute("INSERT INTO events DEFAULT VALUES");
  const late = new pg.Client({ connectionString: url });
  await late.connect();
  onTestFinished(() => late.end());
  await late.query("BEGIN; SELECT nextval('events_id_seq')");
  const { rows } = await late.query(
    "SELECT virtualtransaction AS name FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'virtualxid'",
  );
  await beside.execute("INSERT INTO events DEFAULT VALUES");
  const warnings: string[] = [];
  const parts: BoundParts = {
    connection: beside,
    table: "events",
    field: {
      type: "numeric_id",
      path: ["id"],
      format: isoFormat,
      precision: parsePrecision("1"),
    },
    subject: async () => ({ sql: "SELECT id FROM events", params: [], inPieces: false }),
    describe: () => "a record",
    warn: (code, message) => warnings.push(`${code} ${message}`),
  };
  const session = await openPostgres(url, "input");
  onTestFinished(() => session.close());
  const { ids } = await session.safeBounds();
  return { bound: ids(parts), late, name: String(rows[0].name), warnings };
}

const noted = (ids: object) => ({ ...emptyPosition, watermark: "1", note: JSON.stringify({ ids }) });
const longAgo = "2026-01-01T00:00:00Z";

test("an observation is kept until it comes true, and says who keeps it from that", async () => {
  const { bound, late, name, warnings } = await createBound();
  expect(await bound.safeUpper({ ...emptyPosition, watermark: "1" })).toMatchObject({ value: "1" });
  expect(JSON.parse(bound.note() ?? "null")).toMatchObject({ ids: { upper: "3", open: [name] } });
  expect(warnings).toEqual([]);

  const kept = { upper: "2", open: [name], at: longAgo };
  expect(await bound.safeUpper(noted(kept))).toMatchObject({ value: "1" });
  expect(JSON.parse(bound.note() ?? "null")).toEqual({ ids: kept });
  expect(warnings).toEqual([
    expect.stringMatching(/^COMMIT_HELD_BACK pid \d+ \(.*, user postgres\).*2026-01-01/),
  ]);

  expect(await bound.safeUpper(noted({ ...kept, open: ["999999/1"] }))).toMatchObject({ value: "2" });
  expect(JSON.parse(bound.note() ?? "null")).toMatchObject({ ids: { upper: "3", open: [name] } });

  await late.query("ROLLBACK");
  expect(await bound.safeUpper(noted(kept))).toMatchObject({ value: "3" });
  expect(bound.note()).toBeUndefined();
});

test("a first run that has to leave every row says at once who keeps it from them", async () => {
  const { bound, late, warnings } = await createBound();
  await bound.safeUpper(emptyPosition);
  expect(warnings).toEqual([
    expect.stringMatching(/^COMMIT_HELD_BACK pid \d+ \(.*, user postgres\) has had/),
  ]);
  await late.query("ROLLBACK");
  expect(await bound.safeUpper(emptyPosition)).toMatchObject({ value: "3" });
  expect(warnings).toHaveLength(1);
});

test("a note that says nothing of ids is as none", async () => {
  const { bound, name } = await createBound();
  for (const note of ["{", '{"xmin":{}}', '{"ids":{"upper":1}}']) {
    expect(await bound.safeUpper({ ...emptyPosition, watermark: "1", note })).toMatchObject({ value: "1" });
    expect(JSON.parse(bound.note() ?? "null")).toMatchObject({ ids: { upper: "3", open: [name] } });
  }
});

test("long is more than five minutes", () => {
  expect(isLong("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z")).toBe(false);
  expect(isLong("2026-01-01T00:00:00Z", "2026-01-01T00:05:00.000001Z")).toBe(true);
});
