import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { defineConnector, openState, SyncEngine } from "../../src/index.ts";
import { MemoryTable, memoryOutput } from "../../testing/index.ts";
import { testFolder } from "../support/command.ts";
import { numbersConnector } from "../support/numbers-connector.ts";

/** Runs a function with another working directory, as a program started there has it. */
async function within<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return await work();
  } finally {
    process.chdir(before);
  }
}

test("an engine without a state keeps its checkpoints below the working directory", async () => {
  const folder = testFolder();
  await within(folder, async () => {
    const numbers = numbersConnector({ count: 3, every: 1 });
    {
      await using engine = new SyncEngine(memoryOutput(new MemoryTable()));
      expect(readdirSync(folder)).toEqual([]);
      await engine.sync(numbers.connector);
    }
    expect(existsSync(join(folder, ".tidemark/state.db"))).toBe(true);
    await using again = new SyncEngine(memoryOutput(new MemoryTable()), {});
    expect(await again.getCheckpoint("numbers")).toMatchObject({ cursor: "3", itemsSynced: 3 });
    await using state = await openState("sqlite:./.tidemark/state.db");
    expect(await state.get({ connector: "numbers", stream: "default" })).toMatchObject({
      status: "completed",
    });
  });
});

test("an engine takes a state's URL, closes what it opened, and opens it again when it is needed", async () => {
  const url = `sqlite:${join(testFolder(), "sync.db")}`;
  const engine = new SyncEngine(memoryOutput(new MemoryTable()), { state: url });
  const numbers = numbersConnector({ count: 3, every: 1 });
  await engine.sync(numbers.connector);
  await engine.close();
  await engine.close();
  expect(await engine.getCheckpoint("numbers")).toMatchObject({ cursor: "3" });
  await engine.close();
  const wrong = new SyncEngine(memoryOutput(new MemoryTable()), { state: "sync.db" });
  await expect(wrong.getCheckpoint("numbers")).rejects.toMatchObject({ code: "STATE_URL_INVALID" });
});

test("an engine leaves a state open that it was given", async () => {
  await using state = await openState("memory:");
  const engine = new SyncEngine(memoryOutput(new MemoryTable()), { state });
  await engine.sync(numbersConnector({ count: 1, every: 1 }).connector);
  await engine.close();
  expect(await state.list()).toMatchObject({ items: [{ status: "completed" }] });
});

test("what is no output and no state is refused by name when the engine is made", () => {
  const output = memoryOutput(new MemoryTable());
  const engineOf = z.function({ input: [z.any(), z.any()], output: z.instanceof(SyncEngine) });
  const make = engineOf.implement((one, other) => new SyncEngine(one, other));
  for (const [[given, options], message] of [
    [[undefined, {}], "the output is nothing, not an output"],
    [[{ type: "database" }, {}], "the output is an object, not an output"],
    [[output, { state: null }], "the state is null, not a state store"],
    [[output, { state: openState("memory:") }], "the state is a Promise, not a state store"],
  ] as const) {
    expect(() => make(given, options)).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID", message }),
    );
  }
});

test("an empty token is a token as any other, to the state and to the engine", async () => {
  await using state = await openState("memory:");
  const table = new MemoryTable();
  const asked: unknown[] = [];
  const connector = defineConnector({
    id: "tokens",
    async *sync({ cursor }) {
      asked.push(cursor);
      yield { record: { id: asked.length }, cursor: "" };
    },
  });
  const engine = new SyncEngine(memoryOutput(table), { state });
  expect(await engine.sync(connector)).toMatchObject({ newCursor: "" });
  expect(await engine.sync(connector)).toMatchObject({ lowerBound: "", newCursor: "" });
  expect(asked).toEqual([null, ""]);
  expect(table.rows).toEqual([{ id: 1 }, { id: 2 }]);
});

test("what a connector throws is the error's cause, and is wrapped once", async () => {
  const cause = new Error("ECONNRESET");
  const connector = defineConnector({
    id: "broken",
    async *sync() {
      yield { cursor: "1" };
      throw cause;
    },
  });
  await using state = await openState("memory:");
  const engine = new SyncEngine(memoryOutput(new MemoryTable()), { state });
  const failure: unknown = await engine.sync(connector).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "CONNECTOR_FAILED", stream: "broken/default" });
  expect(failure instanceof Error ? failure.cause : null).toBe(cause);
});

test("one output in memory takes the records of several connectors, each with a mark of its own", async () => {
  await using state = await openState("memory:");
  const table = new MemoryTable();
  const engine = new SyncEngine(memoryOutput(table), { state });
  const [first, second] = ["first", "second"].map((id) => {
    const numbers = numbersConnector({ count: 5, every: 1 });
    return { ...numbers.connector, id };
  });
  for (const connector of [first, second, first, second]) if (connector) await engine.sync(connector);
  expect(table.rows.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
  expect(table.latest().get(5)).toEqual({ id: 5 });
});
