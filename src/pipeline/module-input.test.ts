import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, test } from "vitest";
import { MemoryTable, memoryOutput } from "../../testing/memory-output.ts";
import { defineConnector } from "../engine/connector/connector.ts";
import { connectorInput } from "../engine/connector/connector-input.ts";
import type { Pipeline } from "../engine/ports.ts";
import { preview } from "../engine/run/preview.ts";
import { sync } from "../engine/run/sync.ts";
import { openMemoryState } from "../state/storage/memory/memory.ts";
import { definePipeline } from "./define.ts";
import { checkPipelines, loadPipelines } from "./load.ts";

const shop = fileURLToPath(new URL("../../test/support/connectors/shop.ts", import.meta.url));

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemark-module-"));
  return () => rm(folder, { recursive: true });
});

/** A pipeline file whose input has these lines, each below `input:`. */
async function file(...lines: string[]): Promise<string> {
  const path = join(folder, "pipeline.yaml");
  const input = lines.map((line) => `  ${line}`).join("\n");
  await writeFile(
    path,
    `name: shop\ninput:\n  type: module\n${input}\noutput: { type: file, path: out.jsonl }\n`,
  );
  return path;
}

async function found(path: string, env: Record<string, string> = {}): Promise<string[]> {
  const diagnostics = await checkPipelines([path], { env });
  return diagnostics.map(({ line, column, code, message }) => `${line}:${column} ${code} ${message}`);
}

async function loaded(path: string, env: Record<string, string> = {}): Promise<Pipeline> {
  const [pipeline] = await loadPipelines([path], { env });
  if (pipeline === undefined) throw new Error("no pipeline was loaded");
  return pipeline;
}

async function run(pipeline: Pipeline): Promise<readonly unknown[]> {
  const table = new MemoryTable();
  await using state = openMemoryState();
  await sync({ ...pipeline, output: memoryOutput(table, { appends: true }) }, { state });
  return table.rows;
}

describe("config", () => {
  test("every error that the connector's schema finds is reported at its own line and column", async () => {
    const path = await file(
      `path: ${shop}`,
      "config:",
      "  region: asia",
      "  pagin: { size: 0 }",
      "  kinds:",
      "    - name: a",
      "    - { name: [b] }",
    );
    expect(await found(path)).toEqual([
      '6:13 VALUE_INVALID `input.config.region`: expected one of `eu`, `us`, found "asia"',
      "7:5 KEY_UNKNOWN unknown key `pagin` under `input.config`; did you mean `paging`?",
      "7:20 VALUE_INVALID `input.config.paging.size`: expected a number of at least 1, found 0",
      "10:17 VALUE_INVALID `input.config.kinds[1].name`: expected text, found a list",
    ]);
  });

  test("a key that is missing is reported at the keys it belongs to, with what it is for", async () => {
    const [diagnostic] = await checkPipelines([
      await file(`path: ${shop}`, "config: { token: long-enough }"),
    ]);
    expect(diagnostic).toMatchObject({ line: 5, column: 3, code: "KEY_MISSING", hint: "Where the shop is" });
    expect(await found(await file(`path: ${shop}`))).toEqual([
      "2:1 KEY_MISSING `input.config.region` is missing",
    ]);
  });

  test("values from the environment become what the connector's schema asks for", async () => {
    const lines = [`path: ${shop}`, "config: { region: eu, paging: { size: '${SIZE}' } }"];
    expect(await run(await loaded(await file(...lines), { SIZE: "7" }))).toEqual([{ id: 1, size: 7 }]);
    expect(await found(await file(...lines), { SIZE: "seven" })).toEqual([
      "5:41 VALUE_INVALID `input.config.paging.size`: expected a whole number, found what ${SIZE} holds",
    ]);
  });

  test("P14: a secret in it is not shown", async () => {
    const path = await file(`path: ${shop}`, "config: { region: zebra77, token: zebra77 }");
    const told = await found(path);
    expect(told).toHaveLength(2);
    expect(told.join()).not.toContain("zebra77");
  });

  test("without a schema it reaches the connector unchanged", async () => {
    const text =
      'export default { id: "plain", async *sync({ config }) { yield { record: { id: 1, ...config } }; } };';
    await writeFile(join(folder, "plain.mjs"), text);
    const pipeline = await loaded(await file("path: ./plain.mjs", "config: { a: [1, two] }"));
    expect(await run(pipeline)).toEqual([{ id: 1, a: [1, "two"] }]);
    expect(await run(await loaded(await file("path: plain.mjs")))).toEqual([{ id: 1 }]);
  });
});

describe("path", () => {
  const valid = "async *sync() {}";

  test.each([
    ["nothing", null, "no module is at"],
    ["what is no code", "export default {", "cannot be loaded: "],
    ["no default export", "export const a = 1;", "it has no default export"],
    ["a function", "export default () => {};", "it is a function, not an object"],
    ["no sync", 'export default { id: "crm" };', "the `sync` of crm is nothing, not a function"],
    [
      "a schema of another kind",
      `export default { id: "crm", ${valid}, configSchema: {} };`,
      "no schema of zod 4",
    ],
  ])("a module with %s is reported at its line", async (_, text, message) => {
    const name = `connector-${Math.random().toString(36).slice(2)}.mjs`;
    if (text !== null) await writeFile(join(folder, name), text);
    const [diagnostic, ...more] = await checkPipelines([await file(`path: ${name}`)]);
    expect(more).toEqual([]);
    expect(diagnostic).toMatchObject({ line: 4, column: 9, code: "SCRIPT_INVALID" });
    expect(diagnostic?.message).toContain(message);
    expect(diagnostic?.message).toContain(name);
  });

  test("errors elsewhere are reported along with it", async () => {
    const path = join(folder, "two.yaml");
    await writeFile(
      path,
      "name: two\ninput: { type: module, path: ./none.ts }\nfilters:\n  - { type: script, path: ./gone.ts }\noutput: { type: console }\n",
    );
    expect((await found(path)).map((text) => text.slice(0, 20))).toEqual([
      "2:30 SCRIPT_INVALID ",
      "4:27 SCRIPT_INVALID ",
    ]);
  });
});

test("schedule, storage, key and batch size are those of the pipeline", async () => {
  const lines = ["schedule: '@hourly'", "timezone: Europe/Berlin", "key: id", "batchSize: 10"];
  const storage = "statePersistence: { storagePath: ./state }";
  const [pipeline] = await loadPipelines([
    await file(`path: ${shop}`, "config: { region: eu }", ...lines, storage),
  ]);
  expect(pipeline).toMatchObject({
    key: { connector: "shop", stream: "default" },
    schedule: { expression: "@hourly", timezone: "Europe/Berlin" },
    stateUrl: "file:./state",
    warnings: [],
  });
  expect(pipeline?.input.incremental.key).toEqual([["id"]]);
  expect(await found(await file(`path: ${shop}`, "config: { region: eu }", "batchSize: 0"))).toHaveLength(1);
});

test("P11: a preview reads what the next run would, and moves nothing", async () => {
  const pipeline = await loaded(await file(`path: ${shop}`, "config: { region: eu }"));
  await using state = openMemoryState();
  const records: unknown[] = [];
  const result = await preview(pipeline, { state, onRecords: (some) => records.push(...some) });
  expect(records).toEqual([{ id: 1, size: 50 }]);
  expect(result).toMatchObject({ recordsRead: 1, newCursor: "1" });
  expect(await state.get(pipeline.key)).toBeNull();
});

test("in code a connector is given itself, with filters as in any pipeline", async () => {
  const connector = defineConnector({
    id: "numbers",
    async *sync({ cursor }) {
      for (let id = Number(cursor ?? 0) + 1; id <= 5; id++) yield { record: { id }, cursor: String(id) };
    },
  });
  const pipeline = definePipeline({
    name: "numbers",
    input: connectorInput(connector, { key: "id" }),
    filters: [({ id }) => (Number(id) % 2 === 1 ? { id } : null)],
    output: { type: "console" },
  });
  expect(await run(pipeline)).toEqual([{ id: 1 }, { id: 3 }, { id: 5 }]);
  const declared: unknown = {
    name: "numbers",
    input: { type: "module", path: shop },
    output: { type: "console" },
  };
  expect(() => definePipeline(declared as Parameters<typeof definePipeline>[0])).toThrow(
    "expected one of `httpPolling`, `database`",
  );
});
