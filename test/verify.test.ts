import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { openSql } from "../src/databases/open.ts";
import { sync, verify } from "../src/index.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { execute } from "./cli/support.ts";
import { runCommand, testFolder } from "./support/command.ts";
import { inLongRun } from "./support/long-run.ts";
import { describeMysql, ownMysqlDatabase } from "./support/mysql-tests.ts";
import { createTestDatabase } from "./support/postgres.ts";
import {
  change,
  found,
  ordersOf,
  pipelineOf,
  type Shape,
  sqlite,
  startApi,
  verified,
} from "./support/verify.ts";

describe("P11: a comparison of source and output, which moves nothing", () => {
  const shapes: [string, Shape][] = [
    ["that is sent both ends", {}],
    ["that is not sent the upper end", { bounded: false }],
    ["that gives no order", { bounded: false, order: "unordered" }],
    ["whose fields the filters rename", { rename: true }],
  ];

  test.each(shapes)(
    "finds all that was taken, added or changed, and nothing else, of a source %s",
    async (_name, shape) => {
      const orders = ordersOf(700);
      const { server } = await startApi(orders);
      await using _ = server;
      const [id, at] = shape.rename === true ? ["number", "changed"] : ["id", "at"];
      const ids = fc.uniqueArray(fc.integer({ min: 1, max: 700 }), { maxLength: 25 });
      await fc.assert(
        fc.asyncProperty(ids, ids, ids, async (taken, changed, added) => {
          const folder = testFolder();
          const pipeline = pipelineOf(server.origin, sqlite(folder, { key: id }), shape);
          const moved = changed.filter((one) => !taken.includes(one));
          const result = await verified(pipeline, () => {
            change(folder, `DELETE FROM orders WHERE ${id} IN (${[0, ...taken].join()})`);
            change(
              folder,
              `UPDATE orders SET ${at} = '2026-01-01T00:01:00.5Z' WHERE ${id} IN (${[0, ...moved].join()})`,
            );
            for (const one of added)
              change(
                folder,
                `INSERT INTO orders (${id}, ${at}) VALUES (${one + 1000}, '2026-01-01T00:00:${10 + (one % 50)}Z')`,
              );
          });
          const expected = [
            ...taken.map((one) => `missing ${one}`),
            ...moved.map((one) => `different ${one}`),
            ...added.map((one) => `extra ${one + 1000}`),
          ].sort();
          expect(found(result)).toEqual(expected);
          expect(result).toMatchObject({
            equal: expected.length === 0,
            compared: "key and cursor",
            missing: taken.length,
            different: moved.length,
            extra: added.length,
            sourceRecords: 700,
            warnings: [],
          });
          const covered = (cursor: string) =>
            result.gaps.some(({ from, to }) => from !== null && from <= cursor && cursor <= to);
          const lost = [...taken, ...moved].map((one) => orders[one - 1]?.at.replace(".000Z", "Z") ?? "");
          expect(lost.filter((cursor) => !covered(cursor))).toEqual([]);
        }),
        { numRuns: inLongRun(4, 12) },
      );
    },
  );

  test("reads again no more than the intervals that differ", async () => {
    const { server, requests } = await startApi(ordersOf(20_000));
    await using _ = server;
    const folder = testFolder();
    let synced = 0;
    const result = await verified(pipelineOf(server.origin, sqlite(folder)), () => {
      synced = requests.length;
      change(folder, "DELETE FROM orders WHERE id = 12345");
    });
    expect(found(result)).toEqual(["missing 12345"]);
    expect(requests.length - synced).toBeLessThanOrEqual(synced + 2);
    expect(result.gaps).toEqual([{ from: "2026-01-01T01:08:34Z", to: "2026-01-01T01:08:34Z" }]);
  });

  test("a record that has changed since the stream was read is pending, and new ones are not missing", async () => {
    const orders = ordersOf(100);
    const { server } = await startApi(orders);
    await using _ = server;
    const folder = testFolder();
    const result = await verified(pipelineOf(server.origin, sqlite(folder)), () => {
      const [first] = orders.splice(0, 1);
      orders.push({ id: first?.id ?? 0, at: "2026-02-01T00:00:00.000Z", note: "changed" });
      orders.push({ id: 101, at: "2026-02-01T00:00:01.000Z", note: "new" });
    });
    expect(result).toMatchObject({ equal: true, pending: 1, missing: 0, extra: 0, different: 0 });
  });

  test("only what lies in the range counts", async () => {
    const { server } = await startApi(ordersOf(100));
    await using _ = server;
    const folder = testFolder();
    const result = await verified(
      pipelineOf(server.origin, sqlite(folder)),
      () => change(folder, "DELETE FROM orders WHERE id IN (1, 40, 100)"),
      { from: "2026-01-01T00:00:05Z", to: "2026-01-01T00:00:20Z" },
    );
    expect(found(result)).toEqual(["missing 40"]);
    expect([result.sourceRecords, result.outputRecords]).toEqual([48, 47]);
  });

  test("where the output holds no cursor, keys are compared, and it says so", async () => {
    const { server } = await startApi(ordersOf(300));
    await using _ = server;
    const folder = testFolder();
    const result = await verified(pipelineOf(server.origin, sqlite(folder), { dropCursor: true }), () =>
      change(folder, "DELETE FROM orders WHERE id = 7; INSERT INTO orders (id) VALUES (999)"),
    );
    expect(found(result)).toEqual(["extra 999", "missing 7"]);
    expect(result.compared).toBe("key");
    expect(result.warnings.map(({ code }) => code)).toEqual(["KEYS_ONLY"]);
  });

  test("an output that is empty misses everything", async () => {
    const { server } = await startApi(ordersOf(120));
    await using _ = server;
    const folder = testFolder();
    const result = await verified(
      pipelineOf(server.origin, sqlite(folder)),
      () => change(folder, "DELETE FROM orders"),
      { limit: 3 },
    );
    expect(result).toMatchObject({ missing: 120, outputRecords: 0, equal: false });
    expect(result.differences).toHaveLength(3);
    expect(result.gaps).toEqual([{ from: "2026-01-01T00:00:00Z", to: "2026-01-01T00:00:39Z" }]);
  });

  test("P15: a source that cannot be read to its end compares nothing", async () => {
    const { server } = await startApi(ordersOf(100));
    const folder = testFolder();
    const pipeline = pipelineOf(server.origin, sqlite(folder));
    const state = openMemoryState();
    await sync(pipeline, { state });
    await server[Symbol.asyncDispose]();
    const clock = { ...(await import("../src/index.ts")).systemClock, sleep: async () => {} };
    await expect(verify(pipeline, { state, clock })).rejects.toMatchObject({ code: "SOURCE_UNAVAILABLE" });
  });

  test("a source that is not sent the upper end cannot be read in slices", async () => {
    const pipeline = pipelineOf("http://127.0.0.1:9", sqlite(testFolder()), { bounded: false });
    const asked = verify(pipeline, { state: openMemoryState(), step: "P1D" });
    await expect(asked).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
      hint: expect.stringContaining("until"),
    });
  });

  test("outputs that cannot be read again are refused", async () => {
    const pipeline = pipelineOf("http://127.0.0.1:9", { type: "console" });
    await expect(verify(pipeline, { state: openMemoryState() })).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
    });
  });
});

describe("files of JSON lines", () => {
  test.each([
    ["by key", {}],
    ["under other names, as whole records", { rename: true }],
  ])("lines that went, came twice or came from elsewhere are found: %s", async (_name, shape) => {
    const { server } = await startApi(ordersOf(300));
    await using _ = server;
    const path = join(testFolder(), "orders.jsonl");
    const pipeline = pipelineOf(server.origin, { type: "file", path }, shape);
    const result = await verified(pipeline, () => {
      const lines = readFileSync(path, "utf8").trimEnd().split("\n");
      const [removed = ""] = lines.splice(150, 1);
      lines[10] = lines[11] ?? "";
      // The length stays as committed, so that the file is still the one that was written.
      writeFileSync(path, `${lines.join("\n")}\n${" ".repeat(Math.max(0, removed.length))}\n`);
    });
    expect(result).toMatchObject({ missing: 2, extra: 1, different: 0 });
    expect(
      result.differences
        .filter(({ kind }) => kind === "missing")
        .map(({ source }) => source)
        .sort(),
    ).toEqual(["2026-01-01T00:00:03Z", "2026-01-01T00:00:50Z"]);
  });
});

describe("PostgreSQL", () => {
  test.each(["upsert", "append"] as const)(
    "rows that went and rows that came are found: %s",
    async (mode) => {
      const database = await createTestDatabase();
      onTestFinished(() => database.drop());
      const { server } = await startApi(ordersOf(500));
      await using _ = server;
      const pipeline = pipelineOf(server.origin, {
        type: "database",
        connectionString: database.url,
        table: "orders",
        key: "id",
        mode,
        columns: { at: "timestamp" },
      });
      const result = await verified(pipeline, async () => {
        await using connection = await openSql(database.url, { role: "output" });
        await connection.execute("DELETE FROM orders WHERE id = 77");
        await connection.execute("INSERT INTO orders (id, at) VALUES (9999, '2026-01-01T00:00:30Z')");
      });
      expect(found(result)).toEqual(["extra 9999", "missing 77"]);
    },
  );
});

describeMysql("MySQL", () => {
  test("rows that went and rows that came are found", async () => {
    const url = await ownMysqlDatabase();
    const { server } = await startApi(ordersOf(500));
    await using _ = server;
    const pipeline = pipelineOf(server.origin, {
      type: "database",
      connectionString: url,
      table: "orders",
      key: "id",
    });
    const result = await verified(pipeline, async () => {
      await using connection = await openSql(url, { role: "output" });
      await connection.execute("DELETE FROM orders WHERE id = 77");
      await connection.execute("INSERT INTO orders (id, at) VALUES (9999, '2026-01-01T00:00:30.000Z')");
    });
    expect(found(result)).toEqual(["extra 9999", "missing 77"]);
  });
});

describe("the command", () => {
  const yaml = (origin: string, mode: string): string => `name: orders
input:
  type: httpPolling
  endpoint: ${origin}/orders
  dataField: data
  key: id
  pagination: { type: cursor, param: token, nextCursorField: next }
  statePersistence:
    timestamp: { field: at, queryParam: since }
    until: { queryParam: until, bound: inclusive }
output: { type: database, connectionString: "sqlite:./o.db", table: orders, key: id, mode: ${mode} }
`;

  test("reports what is missing and how to fix it, repairs it, and ends with 1 or 0", async () => {
    const { server } = await startApi(ordersOf(200));
    await using _ = server;
    const folder = testFolder();
    writeFileSync(join(folder, "orders.yaml"), yaml(server.origin, "upsert"));
    expect((await runCommand(folder, "run", "orders.yaml")).code).toBe(0);
    const equal = await runCommand(folder, "verify", "orders.yaml");
    expect([equal.code, equal.stdout]).toEqual([0, expect.stringContaining("orders  equal")]);

    change(folder, "DELETE FROM orders WHERE id IN (50, 51, 120)");
    const told = await runCommand(folder, "verify", "orders.yaml");
    expect(told.code).toBe(1);
    expect(told.stdout).toContain("3 missing, 0 extra, 0 different");
    expect(told.stdout).toContain(
      "tidemark backfill orders.yaml --from 2026-01-01T00:00:39Z --to 2026-01-01T00:00:39Z",
    );

    const mended = await runCommand(folder, "verify", "orders.yaml", "--repair", "--json");
    expect(mended.code).toBe(0);
    expect(JSON.parse(mended.stdout)).toMatchObject({
      equal: true,
      output_records: 200,
      repaired: { missing: 3, backfills: [expect.any(String), expect.any(String)] },
    });
  });

  test("lists differences as JSON, and does not fix what appends", async () => {
    const { server } = await startApi(ordersOf(20));
    await using _ = server;
    const folder = testFolder();
    writeFileSync(join(folder, "orders.yaml"), yaml(server.origin, "append"));
    await execute(["run", "orders.yaml"], { cwd: folder });
    change(folder, "DELETE FROM orders WHERE id = 5");
    const { code, stdout } = await execute(["verify", "orders.yaml", "--json"], { cwd: folder });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      equal: false,
      differences: [{ kind: "missing", key: "5", source: "2026-01-01T00:00:01Z", output: null }],
      gaps: [{ from: "2026-01-01T00:00:01Z", to: "2026-01-01T00:00:01Z" }],
      backfills: [],
    });
    expect((await execute(["verify", "orders.yaml", "--repair"], { cwd: folder })).code).toBe(2);
  });

  test("makes no output and no state", async () => {
    const folder = testFolder();
    writeFileSync(join(folder, "orders.yaml"), yaml("http://127.0.0.1:9", "upsert"));
    const { code, stderr } = await execute(["verify", "orders.yaml"], { cwd: folder });
    expect([code, stderr]).toEqual([1, expect.stringContaining("OUTPUT_UNAVAILABLE")]);
    expect([existsSync(join(folder, "o.db")), existsSync(join(folder, ".tidemark"))]).toEqual([false, false]);
  });
});
