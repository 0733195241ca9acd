import fc from "fast-check";
import type pg from "pg";
import { expect, test } from "vitest";
import { createSource, createStream, outputs, type Source } from "./support/late-commits.ts";
import { inLongRun } from "./support/long-run.ts";

/** What one of several sessions does next; `run` reads what there is. */
const step = fc.record({
  session: fc.nat({ max: 2 }),
  does: fc.constantFrom(
    "open",
    "take",
    "insert",
    "insert",
    "update",
    "commit",
    "commit",
    "rollback",
    "run",
    "run",
  ),
  which: fc.nat({ max: 9 }),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;
const history = fc.array(step, { minLength: 8, maxLength: 30 });

interface Way {
  readonly input: object;
  readonly appends: boolean;
  /** Whether an updated row is to come again. */
  readonly updates: boolean;
}

const ways: Readonly<Record<string, Way>> = {
  "by time, replaced by key": {
    input: { table: "events", cursor: "updated_at" },
    appends: false,
    updates: true,
  },
  "by time, appended": { input: { table: "events", cursor: "updated_at" }, appends: true, updates: false },
  "by id, appended": {
    input: { table: "events", statePersistence: { id: { field: "id" } } },
    appends: true,
    updates: false,
  },
  "by xmin, replaced by key": { input: { table: "events", cursor: "xmin" }, appends: false, updates: true },
};

for (const output of outputs) {
  for (const [name, way] of Object.entries(ways)) {
    test(`whatever transactions do meanwhile, all that is committed arrives once: ${name}, into ${output}`, async () => {
      const source = await createSource();
      const sessions = await Promise.all([source.session(), source.session(), source.session()]);
      await fc.assert(
        fc.asyncProperty(history, fc.integer({ min: 1, max: 4 }), async (steps, pageSize) => {
          await source.client.query(`DROP TABLE IF EXISTS events; CREATE TABLE events (
            id bigserial PRIMARY KEY, value text, updated_at timestamptz NOT NULL DEFAULT now())`);
          const stream = await createStream(
            source,
            output,
            { ...way.input, pageSize },
            { appends: way.appends },
          );
          const players = sessions.map((client, index) => new Player(client, index));
          for (const taken of steps) {
            if (taken.does === "run") await stream.run();
            else if (way.updates || taken.does !== "update") await players[taken.session]?.play(taken);
          }
          for (const player of players) await player.end();
          await stream.run();
          await stream.run();
          expect(await stream.rows()).toEqual(await everything(source));
        }),
        { numRuns: inLongRun(2, 8) },
      );
    });
  }
}

test.each(Object.entries(ways))(
  "while sessions write as fast as they can, nothing is lost or comes twice: %s",
  async (_name, way) => {
    const source = await createSource(`CREATE TABLE events (
      id bigserial PRIMARY KEY, value text, updated_at timestamptz NOT NULL DEFAULT now())`);
    const stream = await createStream(
      source,
      "SQLite",
      { ...way.input, pageSize: 50 },
      { appends: way.appends },
    );
    const writers = await Promise.all(Array.from({ length: 6 }, () => source.session()));
    let writing = writers.length;
    let runs = 0;
    const write = async (client: pg.Client): Promise<void> => {
      // However slow the machine is: until several runs have met the writers.
      for (let round = 1; round <= inLongRun(12, 60) || runs <= 3; round++) {
        await client.query("BEGIN");
        await client.query("SELECT nextval('events_id_seq'), pg_sleep(random() * 0.01)");
        await client.query("INSERT INTO events (id, value) VALUES (currval('events_id_seq'), 'taken first')");
        await client.query(
          "INSERT INTO events (value) SELECT 'more' FROM generate_series(1, (random() * 3)::int)",
        );
        if (round % 10 === 0) await client.query("SELECT pg_sleep(random() * 0.3)");
        await client.query(round % 7 === 0 ? "ROLLBACK" : "COMMIT");
      }
      writing -= 1;
    };
    const written = Promise.all(writers.map(write));
    for (; writing > 0; runs++) await stream.run();
    await written;
    await stream.run();
    await stream.run();
    expect(runs).toBeGreaterThan(3);
    expect(await stream.rows()).toEqual(await everything(source));
  },
);

/** One session, with or without a transaction open. */
class Player {
  readonly #client: pg.Client;
  readonly #index: number;
  #isOpen = false;
  #taken: string | null = null;
  #count = 0;

  constructor(client: pg.Client, index: number) {
    this.#client = client;
    this.#index = index;
  }

  async play({ does, which }: Step): Promise<void> {
    switch (does) {
      case "open":
        if (!this.#isOpen) await this.#client.query("BEGIN");
        this.#isOpen = true;
        return;
      case "take":
        if (this.#isOpen)
          this.#taken = (await this.#client.query("SELECT nextval('events_id_seq') AS id")).rows[0].id;
        return;
      case "insert": {
        const value = `${this.#index} ${++this.#count}`;
        if (this.#taken === null) await this.#client.query("INSERT INTO events (value) VALUES ($1)", [value]);
        else await this.#client.query("INSERT INTO events (id, value) VALUES ($1, $2)", [this.#taken, value]);
        this.#taken = null;
        return;
      }
      case "update":
        // Each its own rows, so that none waits for another.
        await this.#client.query(
          `UPDATE events SET value = value || '+', updated_at = now()
            WHERE id = (SELECT id FROM events WHERE id % 3 = $1 ORDER BY id LIMIT 1 OFFSET $2)`,
          [this.#index, which],
        );
        return;
      default:
        await this.end(does === "rollback" ? "ROLLBACK" : "COMMIT");
    }
  }

  async end(how = "COMMIT"): Promise<void> {
    if (this.#isOpen) await this.#client.query(how);
    this.#isOpen = false;
    this.#taken = null;
  }
}

async function everything({ client }: Source): Promise<string[]> {
  const { rows } = await client.query("SELECT id, value FROM events ORDER BY id");
  return rows.map(({ id, value }) => `${id} ${value}`);
}
