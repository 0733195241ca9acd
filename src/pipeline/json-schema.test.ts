import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { pipelineJsonSchema, pipelineJsonSchemaText } from "./json-schema.ts";

const schemaFile = new URL("../../schema/pipeline.schema.json", import.meta.url);
const examples = fileURLToPath(new URL("../../examples", import.meta.url));

const document = z.record(z.string(), z.json()).parse(pipelineJsonSchema());
const validator = z.fromJSONSchema(document);
const accepts = (pipeline: unknown): boolean => validator.safeParse(pipeline).success;

const small = {
  name: "x",
  input: { type: "httpPolling", endpoint: "https://x.example/" },
  output: { type: "console" },
};

test("the published file is what the schema says now", async () => {
  expect(await readFile(schemaFile, "utf8")).toBe(pipelineJsonSchemaText());
});

test("it names itself, its dialect, and says what every part is for", () => {
  expect(document).toMatchObject({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "urn:tidemark:schema:pipeline",
    title: "Tidemark pipeline",
    required: ["name", "input", "output"],
    additionalProperties: false,
  });
  const undescribed: string[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key !== "properties") visit(inner, `${path}.${key}`);
      else
        for (const [name, schema] of Object.entries(inner)) {
          if (typeof schema !== "object" || schema === null) continue;
          if (!("description" in schema) && !("const" in schema)) undescribed.push(`${path}.${name}`);
          visit(schema, `${path}.${name}`);
        }
    }
  };
  visit(document, "");
  expect(undescribed).toEqual([]);
});

test("an editor that follows it takes what the command takes", () => {
  expect(accepts(small)).toBe(true);
  expect(accepts({ ...small, leaseSeconds: 5, onConcurrentRun: "wait" })).toBe(true);
  expect(accepts({ ...small, leaseSeconds: "${LEASE}", onConcurrentRun: "${POLICY:-skip}" })).toBe(true);
  expect(
    accepts({
      ...small,
      input: { ...small.input, endpoint: "${BASE_URL}/events", timeoutMs: "${SECONDS}000" },
    }),
  ).toBe(true);
});

test("and refuses what the command refuses", () => {
  expect(accepts({ ...small, nam: "y" })).toBe(false);
  expect(accepts({ ...small, leaseSeconds: "soon" })).toBe(false);
  expect(accepts({ ...small, onConcurrentRun: "sometimes" })).toBe(false);
  expect(accepts({ ...small, input: { ...small.input, type: "${TYPE}" } })).toBe(false);
  expect(accepts({ ...small, filters: [{ type: "set", target: "x", valu: 1 }] })).toBe(false);
});

test("every example fits it", async () => {
  const files = (await readdir(examples, { recursive: true })).filter((name) => name.endsWith(".yaml"));
  expect(files.length).toBeGreaterThan(0);
  for (const name of files) {
    const result = validator.safeParse(parse(await readFile(join(examples, name), "utf8")));
    expect(result.error?.message, name).toBeUndefined();
  }
});

const set = {
  name: "shop",
  concurrency: 2,
  input: {
    type: "httpPolling",
    endpoint: "https://x.example/v2",
    streams: [
      "orders",
      { name: "customers", path: "/crm/customers", dataField: "{{ stream }}" },
      { name: "countries", statePersistence: { timestamp: null }, output: { mode: "append", key: null } },
      { name: "audit", endpoint: "https://y.example/", schedule: "@daily", deadline: "2h", filters: [] },
    ],
  },
  output: { type: "console" },
};
const tables = {
  name: "crm",
  input: {
    type: "database",
    connectionString: "sqlite:./crm.db",
    pageSize: 10,
    streams: [
      "orders",
      { table: "sales.items", key: "id", cursor: "changed_at" },
      { name: "q", query: "SELECT 1" },
    ],
  },
  output: { type: "database", connectionString: "sqlite:./x.db", table: "{{ table }}" },
};

test("it takes the streams of a file, and refuses keys that an entry does not have", () => {
  expect(accepts(set)).toBe(true);
  expect(accepts(tables)).toBe(true);
  const withEntry = (entry: unknown) => ({ ...set, input: { ...set.input, streams: [entry] } });
  expect(accepts(withEntry({ name: "a", pathh: "/b" }))).toBe(false);
  expect(accepts(withEntry({ name: "a", type: "database" }))).toBe(false);
  expect(accepts(withEntry({ path: "/b" }))).toBe(false);
  expect(accepts(withEntry({ name: "a", output: { tabel: "b" } }))).toBe(false);
  expect(accepts(withEntry({ name: "a", timeoutMs: "${MS}" }))).toBe(true);
  expect(accepts({ ...set, input: { ...set.input, streams: [] } })).toBe(false);
});
