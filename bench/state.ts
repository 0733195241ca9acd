import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { openState, type StateStore, type StreamKey } from "../src/index.ts";
import { startPostgres } from "../test/support/postgres.ts";
import { alternate, median, pairedRatio, type Row } from "./parts/measure.ts";

const rounds = 400;
const day = Date.UTC(2026, 0, 1);

/** begin + complete on PostgreSQL: against two bare updates, and with many streams against few. */
export async function stateRows(times: number, few: number, many: number): Promise<Row[]> {
  const server = await startPostgres(["fsync=on", "synchronous_commit=on"]);
  try {
    const rows = [await againstBareUpdates(server.url, times)];
    rows.push(await againstFewStreams(server.url, times, few, many));
    return rows;
  } finally {
    await server.stop();
  }
}

async function againstBareUpdates(url: string, times: number): Promise<Row> {
  await using state = await openState(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    "CREATE TABLE bare (name text PRIMARY KEY, status text, cursor_value text, epoch int) WITH (fillfactor = 50)",
  );
  await client.query("INSERT INTO bare VALUES ('acme/events', 'idle', NULL, 0)");
  try {
    const { a, b } = await alternate(
      times,
      () => timed(() => beginAndComplete(() => ({ connector: "acme", stream: "events" }), state)),
      () => timed(() => bareUpdates(client)),
    );
    const ratio = pairedRatio(a, b);
    return {
      what: "begin + complete on PostgreSQL against two bare `UPDATE … RETURNING`",
      budget: "≤ 1.5 ×",
      measured: `${ratio.toFixed(2)} × (${median(a).toFixed(2)} against ${median(b).toFixed(2)} ms a pair)`,
      ok: ratio <= 1.5,
      details: { ratio, beginAndComplete: a, bareUpdates: b },
    };
  } finally {
    await client.end();
  }
}

async function againstFewStreams(url: string, times: number, few: number, many: number): Promise<Row> {
  const [small, large] = [await filled(url, "few", few), await filled(url, "many", many)];
  await using smallState = await openState(small);
  await using largeState = await openState(large);
  await sleep(1000);
  const spread = (count: number) => (round: number) => ({
    connector: "acme",
    stream: `stream ${Math.floor((round * count) / rounds)}`,
  });
  const { a, b } = await alternate(
    times,
    () => timed(() => beginAndComplete(spread(many), largeState)),
    () => timed(() => beginAndComplete(spread(few), smallState)),
  );
  const ratio = pairedRatio(a, b);
  return {
    what: `the same with ${many.toLocaleString("en-US")} streams stored against ${few.toLocaleString("en-US")}`,
    budget: "≤ 1.3 ×",
    measured: `${ratio.toFixed(2)} × (${median(a).toFixed(2)} against ${median(b).toFixed(2)} ms a pair)`,
    ok: ratio <= 1.3,
    details: { ratio, many: a, few: b },
  };
}

/** A database of its own with so many streams, copied from one that a run made. */
async function filled(url: string, name: string, count: number): Promise<string> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.end();
  const own = new URL(url);
  own.pathname = `/${name}`;
  const state = await openState(own.href);
  const run = await state.begin({ connector: "acme", stream: "model" }, { cursorType: "timestamp_utc" });
  await state.complete(run, { newCursor: "2026-01-01T00:00:00Z" });
  await state.close();
  const client = new pg.Client({ connectionString: own.href });
  await client.connect();
  const columns = await client.query(
    "SELECT column_name FROM information_schema.columns WHERE table_name = 'tidemark_streams' AND column_name <> 'stream' ORDER BY ordinal_position",
  );
  const names = columns.rows.map(({ column_name }) => `"${column_name}"`).join(", ");
  await client.query(
    `INSERT INTO tidemark_streams (${names}, stream)
     SELECT ${names}, 'stream ' || n FROM tidemark_streams, generate_series(0, ${count - 1}) n WHERE stream = 'model'`,
  );
  // Each with the end of a log that agrees with it, as a real stream's does.
  await client.query(
    `INSERT INTO tidemark_audit (connector, stream, number, at_utc, actor, action, new_cursor, hash)
     SELECT connector, s.stream, number, at_utc, actor, action, new_cursor, hash FROM tidemark_audit
     JOIN tidemark_streams s USING (connector) WHERE s.stream <> 'model'`,
  );
  await client.query("VACUUM ANALYZE tidemark_streams, tidemark_audit");
  await client.end();
  return own.href;
}

async function beginAndComplete(keyOf: (round: number) => StreamKey, state: StateStore): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const run = await state.begin(keyOf(round), { cursorType: "timestamp_utc" });
    await state.complete(run, { newCursor: new Date(Date.now() + day).toISOString() });
  }
}

async function bareUpdates(client: pg.Client): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await client.query({
      name: "begin",
      text: "UPDATE bare SET status = 'running', epoch = epoch + 1 WHERE name = $1 RETURNING epoch, cursor_value",
      values: ["acme/events"],
    });
    await client.query({
      name: "complete",
      text: "UPDATE bare SET status = 'completed', cursor_value = $2 WHERE name = $1 RETURNING epoch",
      values: ["acme/events", new Date().toISOString()],
    });
  }
}

/** Milliseconds a pair. */
async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / rounds;
}
