import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { FakeClock } from "../../../testing/fake-clock.ts";
import { MemoryTable, memoryOutput } from "../../../testing/memory-output.ts";
import { outputContract } from "../../../testing/output-suite.ts";
import type { CommitPosition, OutputContext, OutputSession } from "../../engine/ports.ts";
import { RunRefusals } from "../../engine/refusals/refusals.ts";
import { defineConnector, openState, SyncEngine } from "../../index.ts";
import { emptyPosition } from "../../model/position.ts";
import { moduleOutput } from "./module-output.ts";
import { defineOutputModule, type ModuleOutput, type ModuleOutputSession } from "./output-module.ts";

const context: OutputContext = {
  key: { connector: "acme", stream: "orders" },
  clock: new FakeClock(),
  signal: new AbortController().signal,
  warn: () => {},
  scope: "",
  leaseSeconds: 60,
};

/** As a module in JavaScript may be: nothing of it is sure. */
interface Untyped {
  readonly facts?: object;
  readonly session: unknown;
}

function opened({ facts = {}, session }: Untyped, more: Partial<OutputContext> = {}): Promise<OutputSession> {
  const made: unknown = { guarantee: "at-least-once", appends: false, open: () => session, ...facts };
  const output = moduleOutput({ id: "api", create: () => made as ModuleOutput });
  return output.open({ ...context, ...more });
}

const batch = { records: [{ id: 1 }, { id: 2 }] };
const commit = {
  epoch: 1,
  sequence: 1,
  position: emptyPosition,
  cursorType: null,
  windowFinished: true,
} as const;

/** A session that has all that one of an output needs which delivers exactly once. */
const whole = {
  fencedEpoch: () => 0,
  fence: () => null,
  partition: () => null,
  write: () => 2,
  commit: () => {},
  close: () => {},
};

describe("an output that delivers at least once needs no more than `write`", () => {
  test("what it leaves out has an answer, and what it cannot be asked stays absent", async () => {
    const session = await opened({ session: { write: () => 2 } });
    expect(await session.fencedEpoch()).toBe(0);
    expect(await session.fence(1)).toBeNull();
    expect(await session.write(batch)).toBe(2);
    expect(await session.commit(commit)).toBeUndefined();
    await session.close();
    expect(session.databaseIdentity).toBeNull();
    for (const name of ["delivered", "partition", "holdsRecords", "keepsDelivered", "replaces", "place"])
      expect(name in session, name).toBe(false);
  });

  test("its methods keep their `this`, and are given what the engine gives", async () => {
    const commitPositions = new Map<string, CommitPosition>();
    class Session implements ModuleOutputSession {
      readonly #taken: unknown[] = [];
      async write({ records }: { records: readonly unknown[] }): Promise<number> {
        this.#taken.push(...records);
        return this.#taken.length;
      }
      async partition(name: string): Promise<CommitPosition | null> {
        return commitPositions.get(name) ?? null;
      }
    }
    const session = await opened({ session: new Session() });
    expect(await session.write(batch)).toBe(2);
    commitPositions.set("north", { epoch: 3, sequence: 4, position: emptyPosition });
    expect(await session.partition?.("north")).toEqual({ epoch: 3, sequence: 4, position: emptyPosition });
  });
});

describe("what a session does wrongly is reported with the module's name and the method's", () => {
  const failure = (message: string) => ({ code: "OUTPUT_FAILED", message });

  test.each([
    ["no session", undefined, "its `open`: it returned nothing, not a session"],
    ["no write", {}, "its `open`: the `write` of its session is nothing, not a function"],
  ])("%s", async (_, session, message) => {
    await expect(opened({ session })).rejects.toMatchObject(failure(`the output module api: ${message}`));
  });

  test.each(["fencedEpoch", "fence", "partition", "commit", "close", "delivered"])(
    "an output that appends exactly once, and has no `%s`",
    async (name) => {
      const facts = { guarantee: "exactly-once", appends: true };
      const session = { ...whole, delivered: () => new Set(), [name]: undefined };
      await expect(opened({ facts, session })).rejects.toMatchObject(
        failure(
          `the output module api: its \`open\`: the \`${name}\` of its session is nothing, not a function, which an output that delivers exactly once needs`,
        ),
      );
    },
  );

  test.each<[string, object, (session: OutputSession) => Promise<unknown> | undefined, string]>([
    [
      "a count that is none",
      { write: () => undefined },
      (s) => s.write(batch),
      "`write` returned nothing, not how many of the 2 records it took",
    ],
    [
      "a count of more",
      { write: () => 3 },
      (s) => s.write(batch),
      "`write` returned 3, not how many of the 2 records it took",
    ],
    [
      "a count of fewer, with no record refused",
      { write: () => 1 },
      (s) => s.write(batch),
      "`write` took 1 of 2 records and refused 0",
    ],
    [
      "a commit position that is none",
      { fence: () => ({ epoch: 1 }) },
      (s) => s.fence(2),
      "`fence` returned an object (`sequence`:",
    ],
    [
      "a position as text",
      { fence: () => ({ epoch: 1, sequence: 1, position: "{}" }) },
      (s) => s.fence(2),
      "`fence` returned an object (`position`:",
    ],
    [
      "no word on a commit position",
      { fence: () => {} },
      (s) => s.fence(2),
      "`fence` returned nothing, not the position of the newest commit",
    ],
    ["an epoch as text", { fencedEpoch: () => "3" }, (s) => s.fencedEpoch(), "`fencedEpoch` returned text"],
    [
      "a list of identities",
      { delivered: () => ["a"] },
      (s) => s.delivered?.(["a"]),
      "`delivered` returned a list, not a Set",
    ],
    ["what committed means nothing", { commit: () => 5 }, (s) => s.commit(commit), "`commit` returned 5"],
  ])("%s", async (_, method, call, message) => {
    const session = await opened({ session: { ...whole, ...method } });
    await expect(call(session)).rejects.toMatchObject({
      code: "OUTPUT_FAILED",
      message: expect.stringContaining(`the output module api: its ${message}`),
    });
  });

  test("a run that is stopped is no failure of the module", async () => {
    const stop = new AbortController();
    const session = await opened(
      { session: { write: () => fetch("http://127.0.0.1:9", { signal: stop.signal }) } },
      { signal: stop.signal },
    );
    stop.abort();
    await expect(session.write(batch)).rejects.toMatchObject({ name: "AbortError" });
  });
});

test("P1: a module whose `write` takes and refuses too few records fails the run, and the position stays", async () => {
  const taken: unknown[] = [];
  const state = await openState("memory:");
  onTestFinished(() => state.close());
  const records = Array.from({ length: 10 }, (_, index) => ({ id: index + 1 }));
  const source = defineConnector({
    id: "source",
    async *sync() {
      yield { records, cursor: "10" };
    },
  });
  const broken = { isBroken: true };
  const module = defineOutputModule({
    id: "api",
    create: () => ({
      guarantee: "at-least-once",
      appends: false,
      open: ({ refusals }) => ({
        async write({ records }) {
          const [first, second, ...others] = records;
          refusals.refuse({ record: first, reason: "it is too late" });
          if (!broken.isBroken) refusals.refuse({ record: second, reason: "it is too late" });
          taken.push(...others);
          return others.length;
        },
      }),
    }),
  });
  const engine = new SyncEngine(moduleOutput(module, { onError: "skip" }), { state });
  await expect(engine.sync(source)).rejects.toMatchObject({
    code: "OUTPUT_FAILED",
    message: "the output module api: its `write` took 8 of 10 records and refused 1",
  });
  expect((await engine.getCheckpoint("source"))?.cursor).toBeNull();
  broken.isBroken = false;
  expect(await engine.sync(source)).toMatchObject({ recordsWritten: 8, newCursor: "10" });
});

test("what is refused for any reason has a name and a code", async () => {
  const pipeline = {
    name: "p",
    key: context.key,
    input: { kind: "i", incremental: { cursors: [], key: null } },
    output: { kind: "api", onError: { policy: "skip" as const } },
  };
  const warnings: string[] = [];
  const refusals = new RunRefusals({
    // Only what a refusal is told by.
    pipeline: pipeline as unknown as ConstructorParameters<typeof RunRefusals>[0]["pipeline"],
    clock: context.clock,
    warn: (code, message) => void warnings.push(`${code} ${message}`),
  });
  const module = defineOutputModule({
    id: "api",
    create: () => ({
      guarantee: "at-least-once",
      appends: false,
      upsertKey: ["id"],
      open: (given) => ({
        async write({ records }) {
          for (const record of records) given.refusals.refuse({ record, reason: "it is too late" });
          return 0;
        },
      }),
    }),
  });
  const session = await moduleOutput(module).open({ ...context, refusals });
  refusals.read(null, 2);
  await session.write(batch);
  refusals.handed(batch.records);
  expect(() => refusals.settle()).not.toThrow();
  expect(warnings[0]).toBe("RECORDS_SKIPPED skipped the record with id 1: it is too late");
  const strict = await moduleOutput(module).open(context);
  await expect(strict.write(batch)).rejects.toMatchObject({
    code: "RECORD_INVALID",
    message: "the output module api refused the record with id 1: it is too late",
  });
});

describe("in code", () => {
  const module = defineOutputModule({
    id: "api",
    configSchema: z.strictObject({ url: z.url() }),
    create: ({ url }) => ({
      guarantee: "none",
      appends: false,
      exclusive: { id: url, name: `the API at ${url}` },
      open: () => ({ write: async ({ records }) => records.length }),
    }),
  });

  test("the options are those of a file, and errors in them are reported", () => {
    const config = { url: "https://x.example" };
    const output = moduleOutput(module, { config, onError: "skip", maxRefused: 3 });
    expect(output).toMatchObject({
      kind: "api",
      guarantee: "none",
      exclusive: { id: "https://x.example" },
      onError: { policy: "skip", maxRefused: { records: 3 } },
    });
    expect(() => moduleOutput(module, { config: { url: "x" } })).toThrow(
      "the configuration of the output api cannot be used: `url`: Invalid URL",
    );
    expect(() => moduleOutput(module, { config, onError: "deadLetter" })).toThrow(
      "the options of the output api cannot be used: `deadLetter`: `onError: deadLetter` needs",
    );
  });

  test("what is no output module is refused as it is defined", () => {
    const wrong: unknown = { id: "a/\u0000b", create() {} };
    expect(() => defineOutputModule(wrong as typeof module)).toThrow(
      "this is no output module: its `id` cannot be used",
    );
  });

  test.each([
    [{ upsertKey: ["id"], appends: true }, "what it returned `appends`, and has an `upsertKey` all the same"],
    [{ receipts: true, guarantee: "exactly-once" }, "gives `receipts`, which goes with `at-least-once`"],
    [{ exclusive: "file" }, "the `exclusive` of what it returned is `{ id, name }`, two texts"],
    [{ openReader: true }, "the `openReader` of what it returned is a boolean, not a function"],
  ])("facts that contradict one another are refused: %o", (facts, message) => {
    const made: unknown = { guarantee: "at-least-once", appends: false, open() {}, ...facts };
    expect(() => moduleOutput({ id: "api", create: () => made as ModuleOutput })).toThrow(message);
  });

  test("what was written can be read again where the module has a reader", async () => {
    const rows = [{ id: 1 }];
    const readable = moduleOutput({
      id: "api",
      create: () => ({
        guarantee: "none",
        appends: false,
        open: () => ({ write: async () => 0 }),
        openReader: async () => ({
          key: [["id"]],
          wholeRecords: true,
          has: () => true,
          async *rows() {
            yield rows;
            throw new Error("the API is gone");
          },
          close: async () => {},
        }),
      }),
    });
    const reader = await readable.openReader?.(context);
    const read = reader?.rows([["id"]], context.signal)[Symbol.asyncIterator]();
    expect(await read?.next()).toEqual({ done: false, value: rows });
    await expect(read?.next()).rejects.toThrow("the output module api: its `rows` threw: the API is gone");
    expect(moduleOutput(module, { config: { url: "https://x.example" } }).openReader).toBeUndefined();
  });
});

describe("what guards a module's session leaves the contract as it is", () => {
  const cases = outputContract(async () => {
    const table = new MemoryTable();
    const { kind: _, ...made } = memoryOutput(table);
    return {
      output: moduleOutput({ id: "memory", create: () => made }),
      ids: async () => table.rows.map(({ id }) => Number(id)),
      dispose: async () => {},
    };
  });
  for (const { name, run } of cases) test(name, run);
});
