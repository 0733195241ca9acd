import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What the choice of an example goes by; `query` and `table` are the two ways of a database input. */
const pipelineSchema = z.looseObject({
  input: z.looseObject({
    type: z.string(),
    query: z.string().optional(),
    streams: z.array(z.unknown()).optional(),
    pagination: z.looseObject({ type: z.string() }).optional(),
    statePersistence: z.looseObject({ order: z.string().default("unordered") }).optional(),
  }),
  output: z.looseObject({ type: z.string() }),
});

test("every example is run by a test, and the list of examples has it", () => {
  const tests = textsOf("test", ".test.ts") + textsOf("examples/quickstart", ".test.ts");
  const list = readFileSync(join(root, "examples/README.md"), "utf8");
  const pipelines = namesOf(".yaml");
  expect(pipelines.length).toBeGreaterThan(15);
  expect(pipelines.filter((name) => !isRun(name, tests))).toEqual([]);
  expect(pipelines.filter((name) => !list.includes(`\`${name}\``))).toEqual([]);
});

test("the check itself sees an example that nothing runs", () => {
  expect(isRun("a.yaml", 'await runExample(folder, "b.yaml", variables)')).toBe(false);
  expect(isRun("a.yaml", 'await runExample(folder, "a.yaml", variables)')).toBe(true);
  expect(isRun("a.yaml", 'it("a.yaml fetches pages"')).toBe(false);
});

test("the examples have each kind of input, output, paging and order", () => {
  const pipelines = namesOf(".yaml").map((name) => pipelineSchema.parse(parse(textOf(name))));
  const inputs = pipelines.map(({ input }) => input);
  const kinds = {
    inputs: inputs.map(({ type, query }) => (type === "database" && query ? "query" : type)),
    streams: inputs.flatMap(({ type, streams }) => (streams === undefined ? [] : type)),
    paging: inputs.flatMap(({ pagination }) => pagination?.type ?? []),
    orders: inputs.flatMap(({ statePersistence }) => statePersistence?.order ?? []),
    outputs: pipelines.map(({ output }) => output.type),
  };
  expect(new Set(kinds.inputs)).toEqual(new Set(["httpPolling", "database", "query", "module"]));
  expect(new Set(kinds.streams)).toEqual(new Set(["httpPolling", "database"]));
  expect(new Set(kinds.paging)).toEqual(new Set(["page", "offset", "cursor", "link", "seek"]));
  expect(new Set(kinds.orders)).toEqual(new Set(["ascending", "descending", "unordered"]));
  expect(new Set(kinds.outputs)).toEqual(new Set(["database", "file", "httpRequest", "console", "module"]));
});

function isRun(name: string, tests: string): boolean {
  return tests.includes(`runExample(folder, "${name}"`) || tests.includes(`examplePath("${name}")`);
}

function namesOf(ending: string): string[] {
  return readdirSync(join(root, "examples")).filter((name) => name.endsWith(ending));
}

function textOf(name: string): string {
  return readFileSync(join(root, "examples", name), "utf8");
}

function textsOf(folder: string, ending: string): string {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(join(root, folder, name), "utf8"))
    .join("\n");
}
