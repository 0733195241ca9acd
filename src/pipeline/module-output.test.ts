import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { beforeEach, describe, expect, test } from "vitest";
import { preview } from "../engine/run/preview.ts";
import { attemptSync } from "../engine/run/sync.ts";
import { openMemoryState } from "../state/storage/memory/memory.ts";
import type { LoadedPipeline } from "./check.ts";
import { definePipeline } from "./define.ts";
import { checkPipelines, loadPipelines } from "./load.ts";

const log = fileURLToPath(new URL("../../examples/sqlite-log-output.ts", import.meta.url));
const library = JSON.stringify(pathToFileURL(fileURLToPath(new URL("../index.ts", import.meta.url))).href);

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemark-module-"));
  await writeFile(
    join(folder, "numbers.mjs"),
    `export default { id: "numbers", cursorType: "numeric_id", async *sync({ cursor }) {
      for (let id = Number(cursor ?? 0) + 1; id <= 5; id++) yield { record: { id }, cursor: String(id) };
    } };`,
  );
  return () => rm(folder, { recursive: true });
});

/** A pipeline file whose output has these lines, each below `output:`. */
async function file(...lines: string[]): Promise<string> {
  const path = join(folder, "pipeline.yaml");
  const output = lines.map((line) => `  ${line}`).join("\n");
  await writeFile(
    path,
    `name: numbers\ninput: { type: module, path: ./numbers.mjs }\noutput:\n  type: module\n${output}\n`,
  );
  return path;
}

/** Writes a module whose code is new to the process, and returns its name. */
async function written(text: string): Promise<string> {
  const name = `output-${Math.random().toString(36).slice(2)}.mjs`;
  await writeFile(join(folder, name), text);
  return name;
}

async function found(path: string, env: Record<string, string> = {}): Promise<string[]> {
  const diagnostics = await checkPipelines([path], { env });
  return diagnostics.map(({ line, column, code, message }) => `${line}:${column} ${code} ${message}`);
}

async function loaded(path: string, env: Record<string, string> = {}): Promise<LoadedPipeline> {
  const [pipeline] = await loadPipelines([path], { env });
  if (pipeline === undefined) throw new Error("no pipeline was loaded");
  return pipeline;
}

describe("path", () => {
  const create = "create: () => ({ guarantee: 'none', appends: false, open() {} })";

  test.each([
    ["nothing", null, "no module is at"],
    ["what is no code", "export default {", "cannot be loaded: "],
    ["what throws as it is loaded", "throw new Error('no licence')", "cannot be loaded: no licence"],
    ["no default export", "export const a = 1;", "exports no output module: it has no default export"],
    ["a function", "export default () => {};", "it is a function, not an object"],
    ["no id", `export default { ${create} };`, "its `id` is nothing, not a text"],
    ["no create", 'export default { id: "log" };', "the `create` of log is nothing, not a function"],
    [
      "a schema of another kind",
      `export default { id: "log", ${create}, configSchema: {} };`,
      "no schema of zod 4",
    ],
    [
      "a create that throws",
      "export default { id: 'log', create() { throw new Error('no folder') } };",
      "the `create` of log threw: no folder",
    ],
    [
      "a create that returns nothing",
      "export default { id: 'log', create() {} };",
      "the `create` of log makes no output: it returned nothing, not an output",
    ],
    [
      "a guarantee that there is not",
      `export default { id: 'log', ${create.replace("none", "always")} };`,
      "the `guarantee` of what it returned is none of exactly-once, at-least-once, none",
    ],
    [
      "no word on whether it appends",
      "export default { id: 'log', create: () => ({ guarantee: 'none', open() {} }) };",
      "the `appends` of what it returned says whether",
    ],
    [
      "no open",
      "export default { id: 'log', create: () => ({ guarantee: 'none', appends: true }) };",
      "the `open` of what it returned is nothing, not a function",
    ],
  ])("a module with %s is reported at its line", async (_, text, message) => {
    const name = text === null ? "gone.mjs" : await written(text);
    const [diagnostic, ...more] = await checkPipelines([await file(`path: ${name}`)]);
    expect(more).toEqual([]);
    expect(diagnostic).toMatchObject({ line: 5, column: 9, code: "SCRIPT_INVALID" });
    expect(diagnostic?.message).toContain(message);
  });

  test("errors elsewhere are reported along with it", async () => {
    const path = join(folder, "two.yaml");
    const input = "{ type: module, path: ./none.ts }";
    await writeFile(path, `name: two\ninput: ${input}\noutput: { type: module, path: ./gone.ts }\n`);
    expect((await found(path)).map((text) => text.slice(0, 20))).toEqual([
      "2:30 SCRIPT_INVALID ",
      "3:31 SCRIPT_INVALID ",
    ]);
  });
});

describe("config", () => {
  test("every error that the module's schema finds is reported at its own line and column", async () => {
    expect(await found(await file(`path: ${log}`, "config:", "  path: 5", "  pth: x"))).toEqual([
      "8:5 KEY_UNKNOWN unknown key `pth` under `output.config`; `path` is given already",
    ]);
    expect(await found(await file(`path: ${log}`, "config: { path: [a] }"))).toEqual([
      "6:19 VALUE_INVALID `output.config.path`: expected text, found a list",
    ]);
    expect(await found(await file(`path: ${log}`))).toEqual([
      "3:1 KEY_MISSING `output.config.path` is missing",
    ]);
  });

  test("P14: a secret in it is in no error, wherever the module puts it", async () => {
    const name = await written(
      `export default { id: "api", create: ({ token }) => ({ guarantee: "at-least-once", appends: false,
        open: () => ({ write() { throw new Error("the API refused " + token) } }) }) };`,
    );
    const lines = [`path: ${name}`, `config: { token: "\${API_TOKEN}" }`];
    const pipeline = await loaded(await file(...lines), { API_TOKEN: "zebra-77-zebra" });
    await using state = openMemoryState();
    const { error } = await attemptSync(pipeline, { state });
    expect(error?.message).toBe("the output module api: its `write` threw: the API refused [redacted]");
    expect(JSON.stringify(await state.runs(pipeline.key))).not.toContain("zebra-77");
  });
});

test("a pipeline writes to the module's output exactly once, over runs", async () => {
  const target = join(folder, "log.db");
  const pipeline = await loaded(await file(`path: ${log}`, `config: { path: ${target} }`));
  expect(pipeline.output).toMatchObject({ kind: "sqlite-log", guarantee: "exactly-once", appends: true });
  await using state = openMemoryState();
  expect(await attemptSync(pipeline, { state })).toMatchObject({ status: "completed", recordsWritten: 5 });
  await using lost = openMemoryState();
  expect(await attemptSync(pipeline, { state: lost })).toMatchObject({ recordsRead: 0, newCursor: "5" });
});

test("the keys of every output are the module's too: refused records are kept in the dead-letter file", async () => {
  const name = await written(
    `export default { id: "even", create: () => ({ guarantee: "at-least-once", appends: false, upsertKey: ["id"],
      open: ({ refusals }) => ({ write({ records }) {
        const odd = records.filter(({ id }) => id % 2 === 1);
        for (const record of odd) refusals.refuse({ record, reason: new Error("it is odd") });
        return records.length - odd.length;
      } }) }) };`,
  );
  const letters = join(folder, "letters.jsonl");
  const kept = ["onError: deadLetter", `deadLetter: { path: ${letters} }`];
  await using state = openMemoryState();
  const result = await attemptSync(await loaded(await file(`path: ${name}`, ...kept)), { state });
  expect(result).toMatchObject({ status: "completed", recordsWritten: 2, recordsDeadLettered: 3 });
  const [first] = (await readFile(letters, "utf8")).split("\n").map((line) => line && JSON.parse(line));
  expect(first).toMatchObject({ by: "even", code: "RECORD_INVALID", reason: "it is odd", record: { id: 1 } });

  await using other = openMemoryState();
  const { error } = await attemptSync(await loaded(await file(`path: ${name}`)), { state: other });
  expect(error).toMatchObject({
    code: "RECORD_INVALID",
    message: "the output module even refused the record with id 1: it is odd",
  });
  expect(await found(await file(`path: ${name}`, "onError: deadLetter"))).toEqual([
    expect.stringContaining("KEY_MISSING `output.deadLetter`"),
  ]);
});

test("P11: a preview opens no output", async () => {
  const name = await written(
    `export default { id: "never", create: () => ({ guarantee: "none", appends: false,
      open() { throw new Error("it was opened") } }) };`,
  );
  await using state = openMemoryState();
  const pipeline = await loaded(await file(`path: ${name}`));
  expect(await preview(pipeline, { state })).toMatchObject({ recordsRead: 5 });
  const { error } = await attemptSync(pipeline, { state });
  expect(error?.message).toContain("it was opened");
});

test("what a module writes to alone, no other pipeline may write to, of whatever kind its output is", async () => {
  const name = await written(
    `import { resolve } from "node:path";
    export default { id: "lines", create: ({ path }) => ({ guarantee: "none", appends: false, open() {},
      exclusive: { id: "file:" + resolve(path), name: "the lines in " + path } }) };`,
  );
  await file(`path: ${name}`, "config: { path: ./a.jsonl }");
  const other = "name: other\ninput: { type: module, path: ./numbers.mjs }\n";
  await writeFile(join(folder, "z.yaml"), `${other}output: { type: file, path: a.jsonl }\n`);
  expect(await found(folder)).toEqual([
    `3:1 CONFIG_INCOHERENT the file a.jsonl is already that of the pipeline at ${join(folder, "pipeline.yaml")}:3`,
  ]);
});

test("in code an output is given itself, and a file is not named", async () => {
  const declared: unknown = {
    name: "numbers",
    input: { type: "httpPolling", endpoint: "https://x.example" },
    output: { type: "module", path: log },
  };
  expect(() => definePipeline(declared as Parameters<typeof definePipeline>[0])).toThrow(
    "expected one of `database`, `file`, `httpRequest`, `console`",
  );
});

test("an error of the library keeps its code; any other is reported with the module's name and the line", async () => {
  const run = async (write: string): Promise<unknown> => {
    const name = await written(
      `import { TidemarkError } from ${library};
      export default { id: "api", create: () => ({ guarantee: "at-least-once", appends: false,
        open: () => ({ async write({ records }) { ${write} } }) }) };`,
    );
    await using state = openMemoryState();
    const { error } = await attemptSync(await loaded(await file(`path: ${name}`)), { state });
    return error;
  };
  expect(await run(`throw new TidemarkError("OUTPUT_UNAVAILABLE", "it is down")`)).toMatchObject({
    code: "OUTPUT_UNAVAILABLE",
    message: "it is down",
  });
  const thrown = await run("\nreturn records.count.value");
  expect(thrown).toMatchObject({
    code: "OUTPUT_FAILED",
    recoverable: true,
    stream: "numbers/default",
    where: { file: expect.stringContaining(folder), line: 4 },
  });
});
