import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  inputOf,
  mysqlPlace,
  numbers,
  type Place,
  postgresPlace,
  read,
  rollbackPlace,
  sqlitePlace,
} from "../../../test/support/database-input.ts";
import { inLongRun } from "../../../test/support/long-run.ts";
import { describeMysql } from "../../../test/support/mysql-tests.ts";
import { refusingStream } from "../../../test/support/refusing-stream.ts";

/** A moment to the microsecond, as one of the forms writes it that columns of texts hold. */
type Form = (at: Date, micros: string) => string;

const offset =
  (minutes: number, name: string, separator = "T"): Form =>
  (at, micros) =>
    new Date(at.getTime() + minutes * 60_000).toISOString().slice(0, 19).replace("T", separator) +
    `.${micros}${name}`;

const seconds =
  (separator: string, suffix: string): Form =>
  (at) =>
    at.toISOString().slice(0, 19).replace("T", separator) + suffix;

const fraction =
  (separator: string, digits: number, suffix: string): Form =>
  (at, micros) =>
    `${at.toISOString().slice(0, 19).replace("T", separator)}.${micros.slice(0, digits)}${suffix}`;

/** Each says the moment, or a part of it that is at most a second lower. */
const forms: Form[] = [
  seconds("T", "Z"),
  seconds("T", ""),
  seconds(" ", ""),
  seconds(" ", "Z"),
  seconds(" ", " UTC"),
  seconds("T", "+00:00"),
  ...[1, 3, 6].flatMap((digits) => [
    fraction("T", digits, "Z"),
    fraction(" ", digits, ""),
    fraction("T", digits, "+00"),
  ]),
  offset(120, "+02:00"),
  offset(-300, "-05:00"),
  offset(330, "+0530", " "),
  offset(-720, "-12"),
  offset(840, "+14:00", " "),
];

/** What a column of SQLite takes as well, and what is no timestamp. */
const strays = [
  (at: Date) => `${Math.floor(at.getTime() / 1000)}`,
  (at: Date) => `'${Math.floor(at.getTime() / 1000)}'`,
  (at: Date) => `${at.getTime() / 86_400_000 + 2_440_587.5}`,
  (at: Date) => `'${at.toISOString().slice(0, 10).split("-").toReversed().join(".")}'`,
];

interface Step {
  /** How many milliseconds after the one before it a row was written. */
  readonly after: number;
  readonly micros: string;
  readonly form: number;
  /** Whether the stream is synced behind it. */
  readonly synced: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  after: fc.oneof(fc.constantFrom(0, 1, 10, 999), fc.integer({ min: 0, max: 40_000_000 })),
  micros: fc.integer({ min: 0, max: 999_999 }).map((number) => String(number).padStart(6, "0")),
  form: fc.nat(),
  synced: fc.boolean(),
});

const beginning = Date.UTC(2025, 11, 30, 20, 0, 0);

interface Table {
  readonly type: string;
  readonly indexed: boolean;
  readonly queryFormat: string | null;
  /** Rows of the first run, so many that the stream does not know each of them. */
  readonly many: boolean;
}

let tables = 0;

/** Plays a history: rows are written one after another, each at a later moment, and synced now and then. */
async function play(place: Place, table: Table, steps: readonly Step[], withStrays: boolean): Promise<void> {
  const name = `ev${++tables}`;
  await place.beside.execute(`CREATE TABLE ${name} (id INT PRIMARY KEY, at ${table.type})`);
  if (table.indexed) await place.beside.execute(`CREATE INDEX ${name}_at ON ${name} (at)`);
  const { queryFormat } = table;
  const statePersistence = { timestamp: { field: "at", ...(queryFormat === null ? {} : { queryFormat }) } };
  const input = inputOf(place, { table: name, key: "id", pageSize: 4, statePersistence });
  const stream = refusingStream(input);
  const early = table.many ? numbers(10_001, 11_100) : [];
  if (table.many) {
    const day = new Date(beginning - 5_000_000_000).toISOString().slice(0, 10);
    const rows = early.map((id) => `(${id}, '${day}T00:00:00Z')`);
    await place.beside.execute(`INSERT INTO ${name} VALUES ${rows.join(", ")}`);
    await stream.run();
  }
  let now = beginning;
  const stray: number[] = [];
  for (const [at, { after, micros, form, synced }] of steps.entries()) {
    now += after;
    const moment = new Date(now);
    const write = form % (forms.length + (withStrays ? strays.length : 0));
    const text = forms[write]?.(moment, micros);
    if (text === undefined) stray.push(at);
    const value = text === undefined ? strays[write - forms.length]?.(moment) : `'${text}'`;
    await place.beside.execute(`INSERT INTO ${name} VALUES (${at}, ${value})`);
    // A stream of which nothing could be read yet refuses nothing.
    if (synced && stray.length <= at) await stream.run();
  }
  if (stray.length < steps.length) await stream.run();
  const delivered = stream.ids().filter((id) => Number(id) < 10_000);
  const refused = stream.letters.map(({ record }) => Object(record).id);
  expect(delivered.toSorted((a, b) => Number(a) - Number(b))).toEqual(
    [...steps.keys()].filter((id) => !stray.includes(id)),
  );
  if (stray.length < steps.length) expect(refused.toSorted((a, b) => a - b)).toEqual(stray);
  await place.beside.execute(`DROP TABLE ${name}`);
}

function holds(createPlace: () => Promise<Place>, types: readonly string[], withStrays: boolean): void {
  test("P6: whatever the forms of its timestamps, each row of a column of texts comes once", async () => {
    const place = await createPlace();
    const table = fc.record({
      type: fc.constantFrom(...types),
      indexed: fc.boolean(),
      queryFormat: fc.constantFrom(null, "iso8601"),
      many: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
    });
    await fc.assert(
      fc.asyncProperty(table, fc.array(step, { minLength: 2, maxLength: 14 }), (made, steps) =>
        play(place, made, steps, withStrays),
      ),
      { numRuns: inLongRun(6, 40) },
    );
  });

  test("of a column of texts, rows of the usual forms are not read again from the day before", async () => {
    const place = await createPlace();
    await place.beside.execute(`CREATE TABLE ev (id INT PRIMARY KEY, at ${types[0]})`);
    await place.beside.execute(
      "INSERT INTO ev VALUES (1, '2024-01-01T10:00:00Z'), (2, '2024-01-01 10:00:04.5'), (3, '2024-01-01 10:00:05'), (4, '2024-01-01T10:00:05.001Z'), (5, '2024-01-01 09:59:00 UTC'), (6, '2024-01-01T09:00:00+02:00')",
    );
    for (const queryFormat of [undefined, "iso8601"]) {
      const input = inputOf(place, {
        table: "ev",
        key: "id",
        statePersistence: { timestamp: { field: "at", queryFormat } },
      });
      const { pages, warnings } = await read(input, "2024-01-01T10:00:05.0005Z");
      // A text with an offset may be anywhere within the day.
      expect(pages.flat().map(({ id }) => id)).toEqual([3, 6, 4]);
      expect(warnings).toEqual([]);
      const window = {
        lower: { type: "timestamp_utc", value: "2024-01-01T10:00:00.5Z" },
        upper: { type: "timestamp_utc", value: "2024-01-01T10:00:04.6Z" },
      } as const;
      const upTo = inputOf(place, {
        table: "ev",
        key: "id",
        statePersistence: { timestamp: { field: "at", queryFormat }, until: {} },
      });
      expect((await read(upTo, null, { window })).pages.flat().map(({ id }) => id)).toEqual([2, 6, 1]);
    }
  });
}

describe.each([
  ["write-ahead log", sqlitePlace],
  ["rollback journal", rollbackPlace],
])("SQLite with a %s", (_, createPlace) => {
  holds(createPlace, ["TEXT", "DATETIME", "", "TEXT COLLATE NOCASE", "BLOB"], true);
});

describe("PostgreSQL", () => {
  holds(postgresPlace, ["text", 'text COLLATE "en-x-icu"', "varchar(40)"], false);
});

describeMysql("MySQL", () => {
  holds(mysqlPlace, ["VARCHAR(40)", "VARCHAR(40) CHARACTER SET latin1", "TEXT"].slice(0, 2), false);
});
