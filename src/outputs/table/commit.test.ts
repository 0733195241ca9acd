import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  commitOf,
  deliver,
  epoch,
  fenced,
  nextEpoch,
  placeAt,
  places,
  postgresPlace,
  rows,
  sequence,
} from "../../../test/support/database-output.ts";
import type { OutputSession } from "../../engine/ports.ts";
import type { SourceRecord } from "../../model/record.ts";

describe.each(places)("%s", (database, createPlace) => {
  test("a table of the sink offsets that is missing is made by the next run, as after a crash between the two", async () => {
    const place = await createPlace();
    await deliver(place, [{ id: 1 }]);
    await place.beside.execute("DROP TABLE _tidemark_delivered");
    const session = await fenced(place);
    await session.write({ records: [{ id: 2 }], deliveries: ["b"] });
    await session.commit(commitOf({ windowFinished: false }));
    expect(await session.delivered?.(["a", "b"])).toEqual(new Set(["b"]));
    expect(await rows(place)).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test("P2: what is done `within` is committed with the rows, or with them undone", async () => {
    const place = await createPlace();
    await place.beside.execute("CREATE TABLE state (v INTEGER)");
    const add = async (transaction: object) => {
      const handle = transaction as {
        exec?: (sql: string) => void;
        query?: (sql: string) => Promise<unknown>;
      };
      if (handle.exec) handle.exec("INSERT INTO state VALUES (1)");
      else await handle.query?.("INSERT INTO state VALUES (1)");
    };
    const session = await fenced(place);
    await session.write({ records: [{ id: 1 }] });
    await session.commit(commitOf({ within: add }));
    expect(await rows(place, "SELECT v FROM state")).toEqual([{ v: 1 }]);
    await session.write({ records: [{ id: 2 }] });
    const refusal = new Error("the state says no");
    const refused = session.commit(
      commitOf({
        within: async (transaction) => {
          await add(transaction);
          throw refusal;
        },
      }),
    );
    await expect(refused).rejects.toBe(refusal);
    expect(await rows(place, "SELECT v FROM state")).toEqual([{ v: 1 }]);
    expect(await rows(place)).toEqual([{ id: 1 }]);
    const next = await place.open();
    expect((await next.fence(nextEpoch()))?.sequence).toBe(sequence - 1);
  });

  test("P4: of two runs that both hold one epoch, as after lost state, only the first is let in", async () => {
    const place = await createPlace();
    const first = await fenced(place);
    const second = await place.open();
    await expect(second.fence(epoch)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
    await first.write({ records: [{ id: 1 }] });
    await first.commit(commitOf());
    expect(await rows(place)).toEqual([{ id: 1 }]);
  });

  test("P10: a stored position that cannot be read is an error, and stays as it is", async () => {
    const place = await createPlace();
    await deliver(place, [{ id: 1 }]);
    await place.beside.execute('UPDATE _tidemark_positions SET position = \'{"format":1,"water\'');
    const session = await place.open();
    await expect(session.fence(nextEpoch())).rejects.toMatchObject({
      code: "STATE_UNREADABLE",
      message: expect.stringContaining("acme/events"),
    });
    await place.beside.execute("UPDATE _tidemark_positions SET position = '{\"format\":99}'");
    await expect((await place.open()).fence(nextEpoch())).rejects.toMatchObject({ code: "STATE_TOO_NEW" });
    expect(await rows(place, "SELECT position FROM _tidemark_positions")).toEqual([
      { position: '{"format":99}' },
    ]);
  });

  test("an identity that was written counts as delivered before its commit too", async () => {
    const place = await createPlace();
    const session = await fenced(place);
    expect(await session.delivered?.(["a"])).toEqual(new Set());
    await session.write({ records: [{ id: 1 }], deliveries: ["a"] });
    expect(await session.delivered?.(["a", "b"])).toEqual(new Set(["a"]));
  });

  test("P13: identities beyond what is held in memory are known before and after their commit", async () => {
    const place = await createPlace();
    const session = await fenced(place);
    const names = (from: number) => Array.from({ length: 8_000 }, (_, at) => `k${from + at}@1`);
    for (let from = 0; from < 40_000; from += 8_000) {
      expect((await session.delivered?.(names(from)))?.size).toBe(0);
      const records = Array.from({ length: 8_000 }, (_, at) => ({ id: from + at }));
      await session.write({ records, deliveries: names(from) });
    }
    expect((await session.delivered?.(names(4_000)))?.size).toBe(8_000);
    await session.commit(commitOf({ windowFinished: false }));
    await session.close();
    const next = await fenced(place);
    expect((await next.delivered?.(names(36_000)))?.size).toBe(4_000);
    expect((await rows(place, "SELECT count(*) AS n FROM _tidemark_delivered"))[0]).toEqual({ n: 40_000 });
    await next.commit(commitOf());
    expect((await rows(place, "SELECT count(*) AS n FROM _tidemark_delivered"))[0]).toEqual({ n: 0 });
  });

  test("records that wait outside memory keep their order, their columns and their digits", async () => {
    const place = await createPlace();
    const session = await fenced(place, { key: "id" });
    const batch = (from: number, more: SourceRecord = {}) =>
      Array.from({ length: 6_000 }, (_, at) => ({ id: from + at, v: `${from + at}`, n: at, ...more }));
    await session.write({ records: batch(0) });
    await session.write({ records: batch(3_000, { extra: true }) });
    await session.write({ records: batch(6_000, { n: "007" }) });
    await session.write({ records: [{ id: 0, v: "last" }] });
    await session.commit(commitOf());
    expect(
      await rows(
        place,
        "SELECT count(*) AS total, count(DISTINCT id) AS ids, min(v) AS v, count(extra) AS extra, sum(CASE WHEN n = '007' THEN 1 ELSE 0 END) AS sevens FROM events",
      ),
    ).toEqual([{ total: 12_000, ids: 12_000, v: "1", extra: 3_000, sevens: 6_000 }]);
    expect(await rows(place, "SELECT * FROM events WHERE id IN (0, 4, 3000) ORDER BY id")).toEqual(
      [
        { id: 0, v: "last", n: null, extra: null },
        { id: 4, v: "4", n: "4", extra: null },
        { id: 3_000, v: "3000", n: "0", extra: true },
      ].map((row) => (database !== "postgres" && row.extra === true ? { ...row, extra: 1 } : row)),
    );
    await session.write({ records: batch(0) });
    await session.write({ records: batch(1) });
    await session.commit(commitOf());
  });

  test("two processes that start at once make the ledger and the table together", async () => {
    const place = await createPlace();
    const streams = ["a", "b", "c", "d"];
    const sessions = await Promise.all(streams.map((stream) => place.open({ stream })));
    await Promise.all(sessions.map((session) => session.fence(1)));
    await Promise.all(
      sessions.map(async (session, at) => {
        await session.write({
          records: [{ id: at, [`field${at}`]: at % 2 === 0 ? 1 : "x", shared: at === 3 ? 0.5 : 1 }],
        });
        await session.commit(commitOf({ epoch: 1 }));
      }),
    );
    expect(await rows(place, "SELECT id FROM events ORDER BY id")).toEqual([
      { id: 0 },
      { id: 1 },
      { id: 2 },
      { id: 3 },
    ]);
    expect(await rows(place, "SELECT stream FROM _tidemark_positions ORDER BY stream")).toEqual(
      streams.map((stream) => ({ stream })),
    );
  });
});

test("P1: a commit whose connection breaks is reported as unavailable, and the commit position tells what became of it", async () => {
  const place = await postgresPlace();
  const session = await fenced(place);
  await session.write({ records: [{ id: 1 }] });
  await session.commit(commitOf());
  await session.write({ records: [{ id: 2 }] });
  const broken = session.commit(
    commitOf({
      within: async () => {
        await place.beside.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidemark acme/events'",
        );
      },
    }),
  );
  await expect(broken).rejects.toMatchObject({ code: "OUTPUT_UNAVAILABLE", recoverable: true });
  const next = await place.open();
  expect((await next.fence(nextEpoch()))?.sequence).toBe(sequence - 1);
  expect(await rows(place)).toEqual([{ id: 1 }]);
});

test("P4: a run that finds its connection closed after another took over is reported that it is superseded", async () => {
  const place = await postgresPlace();
  const older = await fenced(place);
  await older.write({ records: [{ id: 1 }] });
  const commit = commitOf();
  await place.beside.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidemark acme/events'",
  );
  await fenced(place);
  await expect(older.commit(commit)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
});

test("P13: what is more than memory should hold waits on the connection's side, out of everybody's way", async () => {
  const place = await postgresPlace();
  const waiting = async () => {
    const [row] = await place.beside.query(
      `SELECT (SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE '\\_tidemark\\_spill%') AS spills,
              (SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction') AS open`,
    );
    return row;
  };
  const session = await fenced(place);
  for (let from = 0; from < 30_000; from += 5_000) {
    await session.write({ records: Array.from({ length: 5_000 }, (_, at) => ({ id: from + at })) });
  }
  expect(await waiting()).toEqual({ spills: 1, open: 0 });
  await session.commit(commitOf());
  expect(await waiting()).toEqual({ spills: 0, open: 0 });
  const large = "x".repeat(1024 * 1024);
  for (let id = 0; id < 40; id++) await session.write({ records: [{ id, large }] });
  expect(await waiting()).toEqual({ spills: 1, open: 0 });
});

test("P2: a transaction in which something failed unseen is not taken for committed", async () => {
  const place = await postgresPlace();
  const session = await fenced(place);
  await session.write({ records: [{ id: 1 }] });
  const swallowed = session.commit(
    commitOf({
      within: async (transaction) => {
        const client = transaction as { query(sql: string): Promise<unknown> };
        await client.query("SELECT nonsense").catch(() => {});
      },
    }),
  );
  await expect(swallowed).rejects.toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringContaining("ROLLBACK"),
  });
  expect(await place.beside.columns("events")).toBeNull();
});

const servers = places.filter(([database]) => database !== "sqlite");

test.each(servers)(
  "P4: a run that stops inside its commit is ended by the server after its lease: %s",
  async (_, createPlace) => {
    const place = await createPlace();
    // Long enough for a busy machine to come as far as the commit.
    const stopped = await fenced(place, { leaseSeconds: 3, key: "id" });
    await stopped.write({ records: [{ id: 1, v: "stopped" }] });
    const older = commitOf();
    const next: OutputSession = await place.open({ key: "id" });
    const committing = stopped.commit({
      ...older,
      within: async () => {
        // The claim waits for the row that the stopped commit holds, and gets it from the server.
        await next.fence(nextEpoch());
      },
    });
    await expect(committing).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
    await next.write({ records: [{ id: 1, v: "next" }] });
    await next.commit(commitOf());
    expect(await rows(place)).toEqual([{ id: 1, v: "next" }]);
  },
);

test("a session on PostgreSQL is named, and bounded by the lease", async () => {
  const place = await postgresPlace();
  await fenced(place);
  const [row] = await place.beside.query(
    "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'tidemark acme/events' AND state = 'idle'",
  );
  expect(row?.n).toBe(1);
  const session = await fenced(place);
  await session.write({ records: [{ id: 1 }] });
  await session.commit(
    commitOf({
      within: async (transaction) => {
        const client = transaction as { query(sql: string): Promise<{ rows: unknown[] }> };
        const { rows: settings } = await client.query(
          "SELECT current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('lock_timeout') AS lock",
        );
        expect(settings).toEqual([{ idle: "1min", lock: "65s" }]);
      },
    }),
  );
});

test("P10: an output file that is no database is refused and left as it was", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-output-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(
    join(folder, "data.db"),
    "not a database, but long enough to be read as a header\n".repeat(20),
  );
  await expect(placeAt(`sqlite:${join(folder, "data.db")}`)).rejects.toMatchObject({ code: "OUTPUT_FAILED" });
});
