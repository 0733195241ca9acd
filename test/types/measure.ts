import { systemClock } from "../../src/clock.ts";
import { openSql } from "../../src/databases/open.ts";
import type { Column, SqlConnection } from "../../src/databases/port.ts";
import type { OutputSession } from "../../src/engine/ports.ts";
import { isTidemarkError } from "../../src/errors.ts";
import { ExactNumber } from "../../src/model/exact-number.ts";
import { parseJson, stringifyJson } from "../../src/model/json.ts";
import { emptyPosition } from "../../src/model/position.ts";
import type { SourceRecord } from "../../src/model/record.ts";
import { createDatabaseOutput } from "../../src/outputs/table/database-output.ts";
import { databaseOutputSchema } from "../../src/outputs/table/schema.ts";
import type { TypedDatabase } from "./databases.ts";
import type { TypeRow } from "./rows.ts";

/** A database with a connection to make tables by and to look. */
export interface Place {
  readonly database: TypedDatabase;
  readonly url: string;
  readonly beside: SqlConnection;
}

/** What became of the values of one type on one way. */
export interface Outcome {
  /** The type of the column that was made for it; empty where none was. */
  readonly column: string;
  /** The values that were refused by record and field, as the source shows them. */
  readonly refused: readonly string[];
  /** Values that came there, and that a column of the source's own type does not take back from there. */
  readonly notBack: readonly string[];
  /** Values that came back as others, which must not be. */
  readonly changed: readonly string[];
}

export type Outcomes = ReadonlyMap<string, Outcome>;

export interface Measured {
  readonly source: TypedDatabase;
  /** What the values of each type are in JSON, by the type's name. */
  readonly forms: ReadonlyMap<string, string>;
  /** By the way: the name of the database that a table is made in, or `JSON lines`. */
  readonly ways: ReadonlyMap<string, Outcomes>;
  /** Values that a table of the same types took otherwise, or a second run changed. */
  readonly faults: readonly string[];
}

interface Read {
  readonly records: readonly SourceRecord[];
  readonly columns: readonly Column[];
}

type Cells = readonly (readonly (string | null)[])[];

const columnOf = (at: number) => `t${at}`;

export async function openPlace(database: TypedDatabase, url: string): Promise<Place> {
  const beside = await openSql(url, { role: "output" });
  for (const sql of database.setup) await beside.execute(sql);
  return { database, url, beside };
}

/** Makes the source's table of all types, and takes it everywhere and back. */
export async function measure(source: Place, targets: readonly Place[]): Promise<Measured> {
  const { database } = source;
  const table = new TypeTable(source);
  await table.create("all_types");
  await table.fill("all_types");
  const given = await table.shown("all_types");
  const read = await readAll(source, "all_types");
  const faults = await sameTypes(table, read, given);
  const ways = new Map<string, Outcomes>();
  for (const target of targets) {
    const name = `from_${database.name.toLowerCase()}`;
    const refused = await deliver(target, name, read, { key: "id" });
    faults.push(...(await repeated(target, name, read, refused)));
    const declared = await target.database.declared(target.beside, name);
    const back = await readAll(target, name);
    const outcomes = await table.outcomes(
      `back_from_${target.database.name.toLowerCase()}`,
      back,
      given,
      refused,
    );
    ways.set(target.database.name, withColumns(outcomes, declared));
  }
  const lines = read.records.map((record) => parseJson(stringifyJson(record)) as SourceRecord);
  ways.set(
    "JSON lines",
    await table.outcomes("back_from_lines", { records: lines, columns: [] }, given, new Set()),
  );
  faults.push(...(await keys(table, read, given)));
  return { source: database, forms: formsOf(database, read.records), ways, faults };
}

function formsOf(database: TypedDatabase, records: readonly SourceRecord[]): ReadonlyMap<string, string> {
  return new Map(
    database.rows.map(({ name }, at) => {
      const forms = records.map((record) => formOf(record[columnOf(at)])).filter((form) => form !== null);
      return [name, [...new Set(forms)].sort().join(" or ")];
    }),
  );
}

function formOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number" || value instanceof ExactNumber) return "number";
  if (Array.isArray(value)) return "list";
  return typeof value === "string" ? "string" : "object";
}

/** A table of each type that makes sense as a key, upserted to twice. */
async function keys(table: TypeTable, { records }: Read, given: Cells): Promise<string[]> {
  const { place } = table;
  const { beside, database } = place;
  const faults: string[] = [];
  for (const [at, row] of database.rows.entries()) {
    if (row.key !== true) continue;
    const name = `key_${at}`;
    await beside.execute(`CREATE TABLE ${name} (v ${row.type} PRIMARY KEY, n INTEGER)`);
    const keyed = records
      .map((record) => ({ v: record[columnOf(at)], n: Number(record.id) }))
      .filter(({ v }) => v !== null);
    const again = keyed.map(({ v, n }) => ({ v, n: n + 100 }));
    const refused = await deliver(place, name, { records: keyed, columns: [] }, { key: "v" }, { again });
    if (refused.size > 0) faults.push(`${database.name}: a key of ${row.name} is refused`);
    const { shown = database.shown } = row;
    const found = await beside.query(`SELECT ${shown("v")} AS v, n FROM ${name} ORDER BY n`);
    const expected = keyed.map(({ n }) => ({ v: given[n]?.[at], n: n + 100 }));
    if (stringifyJson(found) !== stringifyJson(expected))
      faults.push(`${database.name}: keys of ${row.name} come out as ${stringifyJson(found)}`);
  }
  return faults;
}

function withColumns(outcomes: Outcomes, declared: ReadonlyMap<string, string>): Outcomes {
  const named = [...outcomes].map(([name, outcome], at) => {
    return [name, { ...outcome, column: declared.get(columnOf(at)) ?? "" }] as const;
  });
  return new Map(named);
}

/** As many records as a session does not hold in memory: what was written before them waits in the database. */
const crowd: readonly SourceRecord[] = Array.from({ length: 10_001 }, (_, at) => ({ id: 1_000_000 + at }));

/** Into tables of the same types: by INSERT and by COPY, by way of a temporary table, once and again. */
async function sameTypes(table: TypeTable, read: Read, given: Cells): Promise<string[]> {
  const { place } = table;
  const faults: string[] = [];
  for (const [name, key] of [
    ["upserted", "id"],
    ["appended", undefined],
    ["waited", "id"],
  ] as const) {
    await table.create(name);
    const rest = name === "waited" ? { behind: crowd } : {};
    const refused = await deliver(place, name, read, key === undefined ? {} : { key }, rest);
    faults.push(...[...refused].map((cell) => `${place.database.name}, ${name}: ${cell} was refused`));
    faults.push(...table.differences(given, await table.shown(name)).map((text) => `${name}: ${text}`));
  }
  await deliver(place, "upserted", read, { key: "id" });
  faults.push(
    ...table.differences(given, await table.shown("upserted")).map((text) => `upserted again: ${text}`),
  );
  return faults;
}

/** A second run over the same records changes nothing of what the first has written. */
async function repeated(
  target: Place,
  name: string,
  read: Read,
  refused: ReadonlySet<string>,
): Promise<string[]> {
  const before = stringifyJson((await readAll(target, name)).records);
  const again = await deliver(target, name, read, { key: "id" });
  const after = stringifyJson((await readAll(target, name)).records);
  const faults =
    before === after
      ? []
      : [`${target.database.name}, ${name}: a second run changes what the first has written`];
  if ([...again].join() !== [...refused].join())
    faults.push(`${target.database.name}, ${name}: a second run refuses other values`);
  return faults;
}

/** The table of all of a database's types. */
class TypeTable {
  readonly place: Place;
  readonly #rows: readonly TypeRow[];

  constructor(place: Place) {
    this.place = place;
    this.#rows = place.database.rows;
  }

  async create(table: string): Promise<void> {
    const columns = this.#rows.map(({ type }, at) => `${columnOf(at)} ${type}`);
    await this.place.beside.execute(`CREATE TABLE ${table} (id INTEGER PRIMARY KEY, ${columns.join(", ")})`);
  }

  /** A row for each of the values, as many as the longest list has, and one of nothing. */
  async fill(table: string): Promise<void> {
    const longest = Math.max(...this.#rows.map(({ values }) => values.length));
    for (let id = 0; id <= longest; id++) {
      const values = this.#rows.map((row) => row.values[id] ?? "NULL");
      await this.place.beside.execute(`INSERT INTO ${table} VALUES (${[id, ...values].join(", ")})`);
    }
  }

  async shown(table: string): Promise<Cells> {
    const { database, beside } = this.place;
    const columns = this.#rows.map(
      ({ shown = database.shown }, at) => `${shown(columnOf(at))} AS ${columnOf(at)}`,
    );
    const found = await beside.query(
      `SELECT ${columns.join(", ")} FROM ${table} WHERE id < 1000000 ORDER BY id`,
    );
    return found.map((row) =>
      this.#rows.map((_, at) => {
        const value = row[columnOf(at)];
        return value === null || value === undefined ? null : String(value);
      }),
    );
  }

  /** Writes what came back into a table of the source's own types, and compares it with the source. */
  async outcomes(table: string, back: Read, given: Cells, refused: ReadonlySet<string>): Promise<Outcomes> {
    await this.create(table);
    const notBack = await deliver(this.place, table, back, { key: "id" });
    const found = await this.shown(table);
    const outcomes = this.#rows.map(({ name, values }, at): [string, Outcome] => {
      const shown = (row: number) => given[row]?.[at] ?? values[row] ?? "NULL";
      const rows = values.map((_, row) => row);
      const missing = rows.filter((row) => refused.has(`${row} ${columnOf(at)}`));
      const refusedBack = rows.filter((row) => notBack.has(`${row} ${columnOf(at)}`));
      const changed = rows.filter(
        (row) =>
          !missing.includes(row) &&
          !refusedBack.includes(row) &&
          withoutSign(found[row]?.[at]) !== withoutSign(given[row]?.[at]),
      );
      return [
        name,
        {
          column: "",
          refused: missing.map(shown),
          notBack: refusedBack.map(shown),
          changed: changed.map((row) => `${shown(row)} → ${found[row]?.[at] ?? "NULL"}`),
        },
      ];
    });
    return new Map(outcomes);
  }

  differences(expected: Cells, found: Cells): string[] {
    const differences: string[] = [];
    for (const [row, cells] of expected.entries()) {
      for (const [at, cell] of cells.entries()) {
        if (found[row]?.[at] !== cell && this.#rows[at]?.carried === undefined)
          differences.push(`${this.#rows[at]?.name}: ${cell} → ${found[row]?.[at]}`);
      }
    }
    return differences;
  }
}

/** Only PostgreSQL keeps the sign of a zero in a column of doubles; JSON's lists, MariaDB and SQLite do not. */
function withoutSign(shown: string | null | undefined): string | null {
  return shown?.replace(/(^|[{,])-0(?=[,}]|$)/g, "$10") ?? null;
}

async function readAll({ url }: Place, table: string): Promise<Read> {
  await using connection = await openSql(url, { role: "input" });
  const records: SourceRecord[] = [];
  let columns: readonly Column[] = [];
  for await (const page of connection.stream(`SELECT * FROM ${table} ORDER BY id`, [], { pageSize: 1_000 })) {
    records.push(...page.rows);
    columns = page.columns;
  }
  return { records, columns };
}

let epoch = 0;

/**
 * Writes the records as a run does. A value that is refused by record and field is left out, and the record
 * written without it; `behind` is written by the same commit, `again` by one of its own. Returns the cells that were refused, as
 * `<row> <column>`.
 */
async function deliver(
  { url }: Place,
  table: string,
  { records, columns }: Read,
  options: { readonly key?: string },
  rest: { readonly again?: readonly SourceRecord[]; readonly behind?: readonly SourceRecord[] } = {},
): Promise<ReadonlySet<string>> {
  const config = databaseOutputSchema.parse({ type: "database", connectionString: url, table, ...options });
  const session = await createDatabaseOutput(config).open({
    key: { connector: "types", stream: table },
    clock: systemClock,
    signal: new AbortController().signal,
    warn: () => {},
    scope: "",
    leaseSeconds: 60,
    cursorPath: null,
  });
  const refused = new Set<string>();
  try {
    await session.fence(++epoch);
    const { again = [], behind = [] } = rest;
    for (const [at, part] of [records, again].entries()) {
      if (part.length === 0) continue;
      for (const record of part) await writeWhatFits(session, record, columns, refused);
      if (behind.length > 0) await session.write({ records: behind });
      await session.commit({
        epoch,
        sequence: at + 1,
        position: { ...emptyPosition, watermark: String(epoch) },
        cursorType: "numeric_id",
        windowFinished: true,
      });
    }
  } finally {
    await session.close();
  }
  return refused;
}

async function writeWhatFits(
  session: OutputSession,
  record: SourceRecord,
  columns: readonly Column[],
  refused: Set<string>,
): Promise<void> {
  let rest = record;
  for (;;) {
    try {
      await session.write({ records: [rest], columns });
      return;
    } catch (error) {
      const field = isTidemarkError(error, "RECORD_INVALID") ? error.details?.field : undefined;
      if (typeof field !== "string") throw error;
      refused.add(`${String(record.id)} ${field}`);
      rest = { ...rest, [field]: null };
    }
  }
}
