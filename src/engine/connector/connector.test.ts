import { expect, test } from "vitest";
import { z } from "zod";
import { MemoryTable, memoryOutput } from "../../../testing/memory-output.ts";
import { TidemarkError } from "../../errors.ts";
import { openMemoryState } from "../../state/storage/memory/memory.ts";
import { type Connector, type ConnectorItem, connectorProblem, defineConnector } from "./connector.ts";
import { SyncEngine } from "./sync-engine.ts";

/** A connector as JavaScript may well give it, whatever the types say. */
function untyped(sync: () => unknown): Connector {
  const connector: unknown = { id: "crm", sync };
  return connector as Connector;
}

function yielding(...items: unknown[]): Connector {
  return untyped(async function* () {
    for (const item of items) yield item;
  });
}

async function failureOf(connector: Connector, config?: unknown): Promise<TidemarkError> {
  const engine = new SyncEngine(memoryOutput(new MemoryTable(), { appends: true }), {
    state: openMemoryState(),
  });
  const thrown: unknown = await engine.sync(connector, { config }).then(
    () => new Error("the sync completed"),
    (error: unknown) => error,
  );
  if (thrown instanceof TidemarkError) return thrown;
  throw thrown;
}

test.each<[string, unknown, string]>([
  ["a text", "id,name", "yield 2: it yielded text"],
  ["nothing", undefined, "yield 2: it yielded nothing"],
  [
    "a record that is not wrapped",
    { id: 1, name: "a" },
    "yield 2: it yielded an object with the keys id, name",
  ],
  ["an empty object", {}, "yield 2: it yielded an object without a key"],
  ["a list", [{ id: 1 }], "yield 2: it yielded a list"],
  ["a record beside records", { record: {}, records: [] }, "the keys record, records"],
  ["a record that is a text", { record: "a" }, "yield 2: it yielded text as a record, which is an object"],
  ["a record that is null", { record: null }, "yield 2: it yielded null as a record"],
  ["a record that is a list", { record: [1] }, "yield 2: it yielded a list as a record"],
  [
    "a record that is a map",
    { record: new Map() },
    "yield 2: the record is a Map, which a record cannot hold",
  ],
  [
    "a record with a function in it",
    { record: { a: { b: () => 1 } } },
    "yield 2: the field `a.b` is a function, which a record cannot hold",
  ],
  ["records that are no list", { records: { id: 1 } }, "yield 2: `records` is an object, not a list"],
  [
    "a list with a hole",
    { records: [{ id: 1 }, undefined] },
    "yield 2, record 2 of its list: it yielded nothing",
  ],
  ["a cursor that is a number", { cursor: 42 }, "yield 2: it yielded a number as a cursor, which is a text"],
  ["a cursor that is null", { record: {}, cursor: null }, "yield 2: it yielded null as a cursor"],
])("a connector that yields %s fails by its name", async (_, item, message) => {
  const error = await failureOf(yielding({ record: { id: 0 } }, item));
  expect(error).toMatchObject({ code: "CONNECTOR_FAILED", recoverable: false, stream: "crm/default" });
  expect(error.message).toContain("the connector crm: ");
  expect(error.message).toContain(message);
});

test("a connector that is no generator fails by its name, and the message says how to write one", async () => {
  for (const [sync, found] of [
    [() => undefined, "nothing"],
    [async () => {}, "a Promise"],
    [
      function* () {
        yield { record: {} };
      },
      "a Generator",
    ],
    [() => Object.create(Object.create(null)), "an Object"],
    [() => [{ record: {} }], "a list"],
  ] as const) {
    const error = await failureOf(untyped(sync));
    expect(error.code).toBe("CONNECTOR_FAILED");
    expect(error.message).toBe(`the connector crm: its \`sync\` returned ${found}, not an async iterable`);
    expect(error.hint).toContain("async *sync");
  }
});

test("what a connector throws fails the run by its name, and keeps its own code", async () => {
  const throwing = (thrown: unknown) =>
    failureOf(
      untyped(() => {
        throw thrown;
      }),
    );
  const cause = new Error("ECONNRESET");
  expect(await throwing(cause)).toMatchObject({
    code: "CONNECTOR_FAILED",
    message: "the connector crm: ECONNRESET",
    recoverable: true,
    cause,
  });
  expect(await throwing("a text")).toMatchObject({ message: "the connector crm: a text" });
  expect(await throwing(new TidemarkError("SOURCE_REFUSED", "the CRM answered 403"))).toMatchObject({
    code: "SOURCE_REFUSED",
    message: "the CRM answered 403",
    stream: "crm/default",
  });
  const broken = untyped(() => ({ [Symbol.asyncIterator]: () => ({ next: () => 7 }) }));
  expect(await failureOf(broken)).toMatchObject({ code: "CONNECTOR_FAILED" });
});

test("a cursor that is none of the declared type is refused with the stream's name", async () => {
  const connector = defineConnector({
    id: "crm",
    cursorType: "timestamp_utc",
    async *sync() {
      yield { record: { id: 1 }, cursor: "yesterday" };
    },
  });
  expect(await failureOf(connector)).toMatchObject({
    code: "CURSOR_INVALID",
    message: expect.stringContaining('"yesterday"'),
    stream: "crm/default",
  });
});

test("the configuration is checked and completed by the connector's schema before anything runs", async () => {
  const given: unknown[] = [];
  const connector = defineConnector({
    id: "crm",
    configSchema: z.strictObject({ url: z.url(), pageSize: z.int().default(50) }),
    async *sync({ config }) {
      given.push(config.url, config.pageSize);
      yield { cursor: "1" };
    },
  });
  const error = await failureOf(connector, { url: "no url", size: 1 });
  expect(error.code).toBe("ARGUMENT_INVALID");
  expect(error.message).toMatch(/^the configuration of the connector crm cannot be used: /);
  expect(error.message).toContain("`url`: ");
  expect(error.message).toContain('"size"');
  expect(given).toEqual([]);

  const engine = new SyncEngine(memoryOutput(new MemoryTable(), { appends: true }), {
    state: openMemoryState(),
  });
  await engine.sync(connector, { config: { url: "https://crm.example.com" } });
  expect(given).toEqual(["https://crm.example.com", 50]);
});

test("what is no connector is refused where it is defined", () => {
  async function* sync(): AsyncGenerator<ConnectorItem> {}
  for (const [value, problem] of [
    [null, "it is null, not an object"],
    [{ sync }, "its `id` is nothing, not a text"],
    [{ id: "", sync }, "its `id` cannot be used: it is empty"],
    [{ id: "crm", stream: " x", sync }, "its `stream` cannot be used"],
    [{ id: "crm" }, "the `sync` of crm is nothing, not a function"],
    [{ id: "crm", sync, cursorType: "date" }, "the `cursorType` of crm is none of"],
    [
      { id: "crm", sync, configSchema: { parse: () => {} } },
      "the `configSchema` of crm is no schema of zod 4",
    ],
  ] as const) {
    expect(connectorProblem(value)).toContain(problem);
  }
  expect(connectorProblem({ id: "crm", sync, stream: "orders", cursorType: "text" })).toBeNull();
  expect(() => defineConnector({ id: "", sync })).toThrow("this is no connector: its `id` cannot be used");
});

test("batches have 1 to 10,000 records", () => {
  const connector = yielding();
  const output = memoryOutput(new MemoryTable(), { appends: true });
  for (const batchSize of [0, 1.5, 10_001]) {
    expect(() => new SyncEngine(output, { state: openMemoryState(), batchSize })).toThrow(
      `batchSize is ${batchSize}`,
    );
  }
  expect(connector.id).toBe("crm");
});
