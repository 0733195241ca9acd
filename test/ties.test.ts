import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { definePipeline, openState, sync } from "../src/index.ts";
import { testFolder } from "./support/command.ts";
import { idsInMysql, idsInPostgres, idsInSqlite, lostAndRepeated } from "./support/delivered.ts";
import { type HttpTestServer, sendJson, startHttpServer } from "./support/http-server.ts";
import { inLongRun } from "./support/long-run.ts";
import { mysqlRuns, ownMysqlDatabase } from "./support/mysql-tests.ts";
import { createTestDatabase } from "./support/postgres.ts";

/** One run's worth of news: records that join the newest timestamp, then groups that share new ones. */
interface Round {
  readonly joining: number;
  readonly groups: readonly number[];
}

interface History {
  readonly rounds: readonly Round[];
  readonly pageSize: number;
  readonly strict: boolean;
  readonly declared: "inclusive" | "exclusive";
  readonly order: "ascending" | "unordered";
}

const histories: fc.Arbitrary<History> = fc
  .record({
    rounds: fc.array(
      fc.record({
        joining: fc.integer({ min: 0, max: 3 }),
        groups: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 }),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    pageSize: fc.integer({ min: 1, max: 7 }),
    strict: fc.boolean(),
    order: fc.constantFrom("ascending" as const, "unordered" as const),
  })
  // Whoever declares a strict source inclusive has told an untruth; the other way round is harmless.
  .chain((history) =>
    fc
      .constantFrom(
        ...(history.strict ? ["exclusive" as const] : ["inclusive" as const, "exclusive" as const]),
      )
      .map((declared) => ({ ...history, declared })),
  );

interface TiedRecord {
  readonly id: number;
  readonly updated_at: string;
}

/** A source that is sorted by timestamp, compares as it is told to, and pages by offset. */
class TiedSource {
  readonly records: TiedRecord[] = [];
  strict = false;
  #group = 0;

  add({ joining, groups }: Round): void {
    if (this.#group === 0) this.#group = 1;
    for (let added = 0; added < joining; added++) this.#put();
    for (const size of groups) {
      this.#group += 1;
      for (let added = 0; added < size; added++) this.#put();
    }
  }

  #put(): void {
    const micros = String(this.#group).padStart(6, "0");
    this.records.push({ id: this.records.length + 1, updated_at: `2026-01-01T00:00:00.${micros}Z` });
  }

  serve(): Promise<HttpTestServer> {
    return startHttpServer(({ url }, response) => {
      const query = url.searchParams;
      const since = query.get("since");
      const found = this.records.filter(
        ({ updated_at }) => since === null || this.#matches(updated_at, since),
      );
      const offset = Number(query.get("offset"));
      sendJson(response, { data: found.slice(offset, offset + Number(query.get("limit"))) });
    });
  }

  #matches(timestamp: string, since: string): boolean {
    const [a, b] = [micros(timestamp), micros(since)];
    return this.strict ? a > b : a >= b;
  }
}

function micros(timestamp: string): string {
  const [seconds = "", fraction = ""] = timestamp.replace("Z", "").split(".");
  return `${seconds}.${fraction.padEnd(6, "0")}`;
}

const databases = {
  SQLite: {
    histories: inLongRun(15, 150),
    url: async (folder: string) => `sqlite:${join(folder, "out.db")}`,
  },
  PostgreSQL: {
    histories: inLongRun(5, 60),
    url: async () => {
      const database = await createTestDatabase();
      onTestFinished(() => database.drop());
      return database.url;
    },
  },
  ...(mysqlRuns ? { MySQL: { histories: inLongRun(4, 40), url: ownMysqlDatabase } } : {}),
};

for (const [name, { histories: runs, url }] of Object.entries(databases)) {
  test(`P6: records with equal timestamps around every page, checkpoint and run arrive exactly once in an append table (${name})`, async () => {
    const folder = testFolder();
    const connectionString = await url(folder);
    let played = 0;
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        played += 1;
        const table = `ties_${played}`;
        const source = new TiedSource();
        source.strict = history.strict;
        await using server = await source.serve();
        await using state = await openState("memory:");
        const pipeline = definePipeline({
          name: table,
          input: {
            type: "httpPolling",
            endpoint: server.origin,
            dataField: "data",
            key: "id",
            pagination: { type: "offset", param: "offset", limitParam: "limit", limit: history.pageSize },
            statePersistence: {
              timestamp: {
                field: "updated_at",
                queryParam: "since",
                bound: history.declared,
                granularity: "1us",
              },
              order: history.order,
            },
          },
          output: { type: "database", connectionString, table, mode: "append" },
        });
        for (const round of history.rounds) {
          source.add(round);
          await sync(pipeline, { state });
        }
        await sync(pipeline, { state });
        if (source.records.length === 0) return;
        const delivered =
          name === "SQLite"
            ? idsInSqlite(join(folder, "out.db"), table)
            : (name === "MySQL" ? idsInMysql : idsInPostgres)(connectionString, table);
        expect(lostAndRepeated(await delivered(), source.records.length)).toEqual({ lost: [], repeated: [] });
      }),
      { numRuns: runs },
    );
  });
}
