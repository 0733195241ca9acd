import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "../../../test/support/postgres.ts";
import { systemClock } from "../../clock.ts";
import type { Commit, OutputSession } from "../../engine/ports.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import { parseJson, stringifyJson } from "../../model/json.ts";
import { emptyPosition } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import { openSql } from "../../sql/open.ts";
import type { Column, SqlConnection } from "../../sql/port.ts";
import { createDatabaseOutput } from "./database-output.ts";
import { type DatabaseOutputConfig, databaseOutputSchema } from "./schema.ts";

type Options = Partial<Omit<DatabaseOutputConfig, "type">> & {
  warnings?: string[];
  stream?: string;
  leaseSeconds?: number;
};

interface Place {
  readonly url: string;
  /** A connection beside the output, to look and to interfere. */
  readonly beside: SqlConnection;
  open(options?: Options): Promise<OutputSession>;
}

async function placeAt(url: string): Promise<Place> {
  const beside = await openSql(url, { role: "output" });
  onTestFinished(() => beside.close());
  return {
    url,
    beside,
    async open({ warnings = [], stream = "events", leaseSeconds = 60, ...options }: Options = {}) {
      const config = databaseOutputSchema.parse({
        type: "database",
        connectionString: url,
        table: "events",
        ...options,
      });
      const session = await createDatabaseOutput(config).open({
        key: { connector: "acme", stream },
        clock: systemClock,
        signal: new AbortController().signal,
        warn: (code, message) => warnings.push(`${code} ${message}`),
        lane: "",
        leaseSeconds,
      });
      onTestFinished(() => session.close());
      return session;
    },
  };
}

async function sqlitePlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-output-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return placeAt(`sqlite:${join(folder, "data.db")}`);
}

async function postgresPlace(): Promise<Place> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return placeAt(database.url);
}

const places = [
  ["sqlite", sqlitePlace],
  ["postgres", postgresPlace],
] as const;

let epoch = 0;

async function claimed(place: Place, options?: Options): Promise<OutputSession> {
  const session = await place.open(options);
  await session.claim(++epoch);
  return session;
}

let sequence = 0;

function commitOf(more: Partial<Commit> = {}): Commit {
  return {
    epoch,
    sequence: ++sequence,
    position: { ...emptyPosition, watermark: String(sequence) },
    cursorType: "numeric_id",
    windowFinished: true,
    ...more,
  };
}

/** Writes records in one run of their own. */
async function deliver(
  place: Place,
  records: readonly SourceRecord[],
  options?: Options,
  columns?: readonly Column[],
): Promise<void> {
  const session = await claimed(place, options);
  await session.write(columns === undefined ? { records } : { records, columns });
  await session.commit(commitOf());
  await session.close();
}

async function rows(place: Place, sql = "SELECT * FROM events ORDER BY id"): Promise<unknown[]> {
  return (await place.beside.query(sql)).map((row) => ({ ...row }));
}

async function kinds(place: Place): Promise<Record<string, string>> {
  const columns = (await place.beside.columns("events")) ?? [];
  return Object.fromEntries(columns.map(({ name, kind }) => [name, kind]));
}

describe.each(places)("%s", (database, createPlace) => {
  test("the table is made from the records, and gains columns as they bring new fields", async () => {
    const place = await createPlace();
    await deliver(place, [
      { id: 1, name: "a", price: 1.5, ok: true, tags: ["x"], empty: null },
      { id: 2, name: "b", place: { lat: 1 } },
    ]);
    await deliver(place, [{ id: 3, late: "now" }]);
    expect(await kinds(place)).toEqual({
      id: "integer",
      name: "text",
      price: "decimal",
      ok: "boolean",
      tags: "json",
      place: "json",
      late: "text",
    });
    expect(await rows(place, "SELECT id, name, late FROM events ORDER BY id")).toEqual([
      { id: 1, name: "a", late: null },
      { id: 2, name: "b", late: null },
      { id: 3, name: null, late: "now" },
    ]);
  });

  test("field names are columns as they are, whatever they hold", async () => {
    const place = await createPlace();
    const record = {
      id: 1,
      "event.id": "a",
      'say "hi"': "b",
      select: "c",
      naïve: "d",
      __proto__x: "e",
      rowid: 7,
    };
    await deliver(place, [record], { key: "id" });
    expect(await rows(place)).toEqual([record]);
  });

  test("an upsert replaces the whole record: what it lacks becomes NULL, the last of a batch wins", async () => {
    const place = await createPlace();
    await deliver(
      place,
      [
        { id: 1, a: "old", b: "old" },
        { id: 2, a: "kept" },
      ],
      { key: "id" },
    );
    await deliver(
      place,
      [
        { id: 1, a: "first" },
        { id: 3, a: "x" },
        { id: 1, a: "last" },
      ],
      { key: "id" },
    );
    expect(await rows(place)).toEqual([
      { id: 1, a: "last", b: null },
      { id: 2, a: "kept", b: null },
      { id: 3, a: "x", b: null },
    ]);
  });

  test("a column that the stream never filled is left as it is", async () => {
    const place = await createPlace();
    await place.beside.execute(
      "CREATE TABLE events (id BIGINT PRIMARY KEY, a TEXT, note TEXT DEFAULT 'mine')",
    );
    await deliver(place, [{ id: 1, a: "x" }], { key: "id" });
    await deliver(place, [{ id: 1, a: "y" }], { key: "id" });
    expect(await rows(place)).toEqual([{ id: 1, a: "y", note: "mine" }]);
  });

  test("a key of several fields tells rows apart by all of them", async () => {
    const place = await createPlace();
    const key = ["region", "id"];
    await deliver(
      place,
      [
        { region: "a", id: 1, v: 1 },
        { region: "a", id: 2, v: 2 },
      ],
      { key },
    );
    await deliver(
      place,
      [
        { region: "a", id: 1, v: 3 },
        { region: "b", id: 1, v: 4 },
      ],
      { key },
    );
    expect(await rows(place, "SELECT region, id, v FROM events ORDER BY region, id")).toEqual([
      { region: "a", id: 1, v: 3 },
      { region: "a", id: 2, v: 2 },
      { region: "b", id: 1, v: 4 },
    ]);
  });

  test("an append adds every record, also twice the same", async () => {
    const place = await createPlace();
    await deliver(place, [{ id: 1 }, { id: 1 }]);
    await deliver(place, [{ id: 1 }]);
    expect(await rows(place)).toHaveLength(3);
  });

  test("P7: numbers keep every digit, in plain columns and inside JSON", async () => {
    const place = await createPlace();
    const text =
      '{"id":1,"big":9223372036854775807,"beyond":123456789012345678901234567890,"fine":0.12345678901234567890123,"plain":0.1,"sum":0.30000000000000004,"doc":{"n":12345678901234567890.5}}';
    await deliver(place, [parseJson(text) as SourceRecord]);
    const [row] = await rows(place);
    const read = stringifyJson(row).replace(/"(-?\d[\d.]*)"/g, "$1");
    const doc = database === "sqlite" ? '"{\\"n\\":12345678901234567890.5}"' : '{"n":12345678901234567890.5}';
    expect(read).toBe(text.replace('{"n":12345678901234567890.5}', doc));
  });

  test("P7: a column is widened when a later value needs it, and what is there stays what it was", async () => {
    const place = await createPlace();
    await deliver(place, [{ id: 1, n: 1, m: 0.1, flag: true, code: 12 }], { key: "id" });
    await deliver(place, [{ id: 2, n: 0.5, m: 2, flag: false, code: 13 }], { key: "id" });
    const exact = new ExactNumber("123456789012345678901234567890.123456789");
    await deliver(place, [{ id: 3, n: exact, m: exact, flag: "0", code: "007" }], { key: "id" });
    const texts = (await rows(place)).map((row) =>
      Object.fromEntries(Object.entries(row as object).map(([name, value]) => [name, String(value)])),
    );
    expect(texts).toEqual([
      { id: "1", n: "1", m: "0.1", flag: "true", code: "12" },
      { id: "2", n: "0.5", m: "2", flag: "false", code: "13" },
      { id: "3", n: exact.text, m: exact.text, flag: "0", code: "007" },
    ]);
  });

  test("a key is widened too, with its index", async () => {
    const place = await createPlace();
    await deliver(
      place,
      [
        { id: 1, v: "a" },
        { id: 2, v: "b" },
      ],
      { key: "id" },
    );
    await place.beside.execute("CREATE INDEX by_v ON events (v)");
    await deliver(
      place,
      [
        { id: "x-3", v: "c" },
        { id: "2", v: "d" },
      ],
      { key: "id" },
    );
    expect(await rows(place)).toEqual([
      { id: "1", v: "a" },
      { id: "2", v: "d" },
      { id: "x-3", v: "c" },
    ]);
    await expect(place.beside.execute("CREATE INDEX by_v ON events (v)")).rejects.toThrow(/already exists/);
  });

  test("a batch that widens the table in its middle is written whole", async () => {
    const place = await createPlace();
    await deliver(place, [
      { id: 1, v: 1 },
      { id: 2, v: "0x" },
      { id: 3, v: 2, w: [1] },
      { id: 4, v: "1e5" },
    ]);
    expect(
      (await rows(place, "SELECT id, v FROM events ORDER BY id")).map((row) =>
        String((row as SourceRecord).v),
      ),
    ).toEqual(["1", "0x", "2", "1e5"]);
  });

  test("columns that the pipeline declares, or the source knows, decide the type", async () => {
    const place = await createPlace();
    const options = { columns: { made: "timestamp" as const, code: "text" as const } };
    const hints: Column[] = [
      { name: "seen", kind: "timestamp" },
      { name: "nothing", kind: "integer" },
      { name: "changed", kind: "timestamp" },
    ];
    await deliver(
      place,
      [
        {
          id: 1,
          made: "2024-02-29T12:00:00.123456Z",
          code: 5,
          seen: "2024-02-29T12:00:00Z",
          nothing: null,
          changed: "later",
        },
      ],
      options,
      hints,
    );
    const expected = database === "sqlite" ? "text" : "timestamp";
    expect(await kinds(place)).toMatchObject({
      made: expected,
      code: "text",
      seen: expected,
      nothing: "integer",
      changed: "text",
    });
    expect(await rows(place)).toEqual([
      {
        id: 1,
        made: "2024-02-29T12:00:00.123456Z",
        code: "5",
        seen: "2024-02-29T12:00:00Z",
        nothing: null,
        changed: "later",
      },
    ]);
  });

  test("types of the user's own table are kept, and the database judges what goes there", async () => {
    const place = await createPlace();
    await place.beside.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)");
    await deliver(place, [{ id: 1, n: "12" }], { key: "id" });
    expect(await rows(place)).toEqual([{ id: 1, n: 12 }]);
    const session = await claimed(place, { key: "id" });
    await session.write({
      records: [
        { id: 2, n: 5 },
        { id: 3, n: null },
      ],
    });
    await expect(session.commit(commitOf())).rejects.toMatchObject({
      code: "OUTPUT_FAILED",
      message: expect.stringMatching(
        /the table events refused the record with id [23]: .*(NOT NULL|not-null)/,
      ),
    });
    expect(await rows(place)).toHaveLength(1);
  });

  test("a record without its key is refused before anything is written, naming the key", async () => {
    const place = await createPlace();
    const session = await claimed(place, { key: ["region", "id"] });
    await expect(
      session.write({
        records: [
          { region: "a", id: 1 },
          { region: "b", id: null },
        ],
      }),
    ).rejects.toMatchObject({
      code: "RECORD_INVALID",
      message: expect.stringMatching(/`id`.*"region":"b"/),
    });
  });

  test("an upsert to a table that does not keep its key unique is refused, with the index to create", async () => {
    const place = await createPlace();
    await place.beside.execute("CREATE TABLE events (id BIGINT, region TEXT, v TEXT, UNIQUE (region, id))");
    await place.beside.execute("CREATE UNIQUE INDEX partly ON events (id) WHERE region = 'x'");
    await expect(place.open({ key: "id" })).rejects.toMatchObject({
      code: "CONFIG_INCOHERENT",
      hint: expect.stringContaining('CREATE UNIQUE INDEX "events_key" ON events ("id")'),
    });
    await deliver(place, [{ id: 1, region: "a", v: "x" }], { key: ["id", "region"] });
    await place.beside.execute('CREATE UNIQUE INDEX "events_key" ON events ("id")');
    await deliver(place, [{ id: 1, region: "a", v: "y" }], { key: "id" });
    expect(await rows(place)).toEqual([{ id: 1, region: "a", v: "y" }]);
  });

  test("with `createTable: false` the table is left as it is", async () => {
    const place = await createPlace();
    await expect(place.open({ createTable: false })).rejects.toMatchObject({ code: "CONFIG_INCOHERENT" });
    await place.beside.execute("CREATE TABLE events (id BIGINT)");
    const session = await claimed(place, { createTable: false });
    await expect(session.write({ records: [{ id: 1, other: 2 }] })).rejects.toMatchObject({
      code: "RECORD_INVALID",
      message: expect.stringContaining("`other`"),
    });
  });

  test("a table that has gone is told, and made anew", async () => {
    const place = await createPlace();
    await deliver(place, [{ id: 1 }]);
    await place.beside.execute("DROP TABLE events");
    const warnings: string[] = [];
    await deliver(place, [{ id: 2 }], { warnings });
    expect(warnings).toEqual([expect.stringMatching(/^OUTPUT_TABLE_MISSING 1 records were written/)]);
    expect(await rows(place)).toEqual([{ id: 2 }]);
    const quiet: string[] = [];
    await deliver(place, [{ id: 3 }], { warnings: quiet });
    expect(quiet).toEqual([]);
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
    const session = await claimed(place);
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
    expect((await next.claim(++epoch))?.sequence).toBe(sequence - 1);
  });

  test("P4: of two runs that both hold one epoch, as after lost state, only the first is let in", async () => {
    const place = await createPlace();
    const first = await claimed(place);
    const second = await place.open();
    await expect(second.claim(epoch)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
    await first.write({ records: [{ id: 1 }] });
    await first.commit(commitOf());
    expect(await rows(place)).toEqual([{ id: 1 }]);
  });

  test("P10: a stored position that cannot be read is an error, and stays as it is", async () => {
    const place = await createPlace();
    await deliver(place, [{ id: 1 }]);
    await place.beside.execute('UPDATE _tidemark_positions SET position = \'{"format":1,"water\'');
    const session = await place.open();
    await expect(session.claim(++epoch)).rejects.toMatchObject({
      code: "STATE_UNREADABLE",
      message: expect.stringContaining("acme/events"),
    });
    await place.beside.execute("UPDATE _tidemark_positions SET position = '{\"format\":99}'");
    await expect((await place.open()).claim(++epoch)).rejects.toMatchObject({ code: "STATE_TOO_NEW" });
    expect(await rows(place, "SELECT position FROM _tidemark_positions")).toEqual([
      { position: '{"format":99}' },
    ]);
  });

  test("an identity handed over twice before a commit counts as delivered the second time", async () => {
    const place = await createPlace();
    const session = await claimed(place);
    expect(await session.delivered?.(["a"])).toEqual(new Set());
    expect(await session.delivered?.(["a", "b"])).toEqual(new Set(["a"]));
  });

  test("P13: identities beyond what is held in memory are known before and after their commit", async () => {
    const place = await createPlace();
    const session = await claimed(place);
    const names = (from: number) => Array.from({ length: 8_000 }, (_, at) => `k${from + at}@1`);
    for (let from = 0; from < 40_000; from += 8_000) {
      expect((await session.delivered?.(names(from)))?.size).toBe(0);
      await session.write({ records: Array.from({ length: 8_000 }, (_, at) => ({ id: from + at })) });
    }
    expect((await session.delivered?.(names(4_000)))?.size).toBe(8_000);
    await session.commit(commitOf({ windowFinished: false }));
    await session.close();
    const next = await claimed(place);
    expect((await next.delivered?.(names(36_000)))?.size).toBe(4_000);
    expect((await rows(place, "SELECT count(*) AS n FROM _tidemark_delivered"))[0]).toEqual({ n: 40_000 });
    await next.commit(commitOf());
    expect((await rows(place, "SELECT count(*) AS n FROM _tidemark_delivered"))[0]).toEqual({ n: 0 });
  });

  test("records that wait outside memory keep their order, their columns and their digits", async () => {
    const place = await createPlace();
    const session = await claimed(place, { key: "id" });
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
        "SELECT count(*) AS rows, count(DISTINCT id) AS ids, min(v) AS v, count(extra) AS extra, sum(CASE WHEN n = '007' THEN 1 ELSE 0 END) AS sevens FROM events",
      ),
    ).toEqual([{ rows: 12_000, ids: 12_000, v: "1", extra: 3_000, sevens: 6_000 }]);
    expect(await rows(place, "SELECT * FROM events WHERE id IN (0, 4, 3000) ORDER BY id")).toEqual(
      [
        { id: 0, v: "last", n: null, extra: null },
        { id: 4, v: "4", n: "4", extra: null },
        { id: 3_000, v: "3000", n: "0", extra: true },
      ].map((row) => (database === "sqlite" && row.extra === true ? { ...row, extra: 1 } : row)),
    );
    await session.write({ records: batch(0) });
    await session.write({ records: batch(1) });
    await session.commit(commitOf());
  });

  test("two processes that start at once make the ledger and the table together", async () => {
    const place = await createPlace();
    const streams = ["a", "b", "c", "d"];
    const sessions = await Promise.all(streams.map((stream) => place.open({ stream })));
    await Promise.all(sessions.map((session) => session.claim(1)));
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

test("to SQLite, two fields that differ only in case are refused by name", async () => {
  const place = await sqlitePlace();
  const session = await claimed(place);
  await expect(session.write({ records: [{ id: 1, Name: "a", name: "b" }] })).rejects.toMatchObject({
    code: "RECORD_INVALID",
    message: expect.stringMatching(/`Name` and `name`/),
  });
  await deliver(place, [{ id: 1, Name: "a" }]);
  // The name may have changed since an earlier run, and not within one.
  await deliver(place, [{ id: 2, name: "b" }]);
  const mixed = await claimed(place);
  await expect(
    mixed.write({
      records: [
        { id: 3, name: "c" },
        { id: 4, Name: "d" },
      ],
    }),
  ).rejects.toMatchObject({
    code: "RECORD_INVALID",
  });
  expect(await rows(place)).toEqual([
    { id: 1, Name: "a" },
    { id: 2, Name: "b" },
  ]);
});

test("to PostgreSQL, a field name longer than it keeps is refused", async () => {
  const place = await postgresPlace();
  const session = await claimed(place);
  await expect(session.write({ records: [{ ["é".repeat(40)]: 1 }] })).rejects.toMatchObject({
    code: "RECORD_INVALID",
    message: expect.stringContaining("80 bytes"),
  });
});

test("PostgreSQL's own types take what they can read, lists go to arrays", async () => {
  const place = await postgresPlace();
  await place.beside.execute(
    `CREATE TABLE events (id uuid PRIMARY KEY, at timestamptz, tags text[], counts int[],
    doc json, blob bytea, price numeric(8,2), short varchar(3), wide citext_like)`.replace(
      ", wide citext_like",
      "",
    ),
  );
  const id = "7b7d8a6e-98f4-4a6e-8d6b-0d0c6a2f1a11";
  await deliver(
    place,
    [
      {
        id,
        at: "2024-02-29T12:00:00+02:00",
        tags: ["a,b", 'c"d', null],
        counts: [],
        doc: "text",
        blob: "\\x00ff",
        price: 1.5,
      },
      {
        id: id.toUpperCase(),
        at: null,
        tags: ["NULL"],
        counts: [1, 2],
        doc: { a: [1] },
        blob: null,
        price: null,
      },
    ],
    { key: "id" },
  );
  expect(await rows(place)).toEqual([
    { id, at: null, tags: ["NULL"], counts: [1, 2], doc: { a: [1] }, blob: null, price: null, short: null },
  ]);
  const session = await claimed(place, { key: "id" });
  await session.write({ records: [{ id, short: "too long" }] });
  await expect(session.commit(commitOf())).rejects.toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringContaining("too long for type character varying(3)"),
  });
});

test("to PostgreSQL, rows and ledger go to the table's schema", async () => {
  const place = await postgresPlace();
  await expect(place.open({ table: "sales.Orders" })).rejects.toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringContaining('schema "sales" does not exist'),
  });
  await place.beside.execute("CREATE SCHEMA sales");
  await deliver(place, [{ id: 1 }], { table: "sales.Orders", key: "id" });
  await deliver(place, [{ id: 1 }], { table: "sales.Orders", key: "id" });
  expect(await rows(place, 'SELECT id FROM sales."Orders"')).toEqual([{ id: 1 }]);
  expect(await rows(place, "SELECT stream FROM sales._tidemark_positions")).toHaveLength(1);
});

test("P1: a commit whose connection breaks is reported as unavailable, and the mark tells what became of it", async () => {
  const place = await postgresPlace();
  const session = await claimed(place);
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
  expect((await next.claim(++epoch))?.sequence).toBe(sequence - 1);
  expect(await rows(place)).toEqual([{ id: 1 }]);
});

test("P4: a run that finds its connection closed after another took over is told that it is superseded", async () => {
  const place = await postgresPlace();
  const older = await claimed(place);
  await older.write({ records: [{ id: 1 }] });
  const commit = commitOf();
  await place.beside.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidemark acme/events'",
  );
  await claimed(place);
  await expect(older.commit(commit)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
});

test("P13: what is more than memory should hold waits on the connection's side, out of everybody's way", async () => {
  const place = await postgresPlace();
  const waiting = async () => {
    const [row] = await place.beside.query(
      `SELECT (SELECT count(*) FROM pg_class WHERE relname LIKE '\\_tidemark\\_spill%') AS spills,
              (SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction') AS open`,
    );
    return row;
  };
  const session = await claimed(place);
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
  const session = await claimed(place);
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

test("P4: a run that stops inside its commit is ended by the server after its lease", async () => {
  const place = await postgresPlace();
  const stopped = await claimed(place, { leaseSeconds: 1, key: "id" });
  await stopped.write({ records: [{ id: 1, v: "stopped" }] });
  const older = commitOf();
  const next: OutputSession = await place.open({ key: "id" });
  const committing = stopped.commit({
    ...older,
    within: async () => {
      // The claim waits for the row that the stopped commit holds, and gets it from the server.
      await next.claim(++epoch);
    },
  });
  await expect(committing).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
  await next.write({ records: [{ id: 1, v: "next" }] });
  await next.commit(commitOf());
  expect(await rows(place)).toEqual([{ id: 1, v: "next" }]);
});

test("a session on PostgreSQL is named, and bounded by the lease", async () => {
  const place = await postgresPlace();
  await claimed(place);
  const [row] = await place.beside.query(
    "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'tidemark acme/events' AND state = 'idle'",
  );
  expect(row?.n).toBe(1);
  const session = await claimed(place);
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

test.each([
  [{ table: "events" }, "connectionString"],
  [{ table: "events", connectionString: "a", connectionStringRef: "b" }, "only one"],
  [{ table: "events", connectionString: "a", mode: "upsert" }, "needs `key`"],
  [{ table: "_tidemark_positions", connectionString: "a" }, "Tidemark's own"],
  [{ table: "events", connectionString: "a", columns: { a: "varchar" } }, "columns"],
  [{ table: "events", connectionString: "a", tabel: "x" }, "tabel"],
])("the configuration %j is refused", (config, why) => {
  const parsed = databaseOutputSchema.safeParse({ type: "database", ...config });
  expect(parsed.success).toBe(false);
  expect(JSON.stringify(parsed.error?.issues)).toContain(why);
});
