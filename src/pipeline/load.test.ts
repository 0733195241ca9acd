import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { systemClock } from "../clock.ts";
import { TidemarkError } from "../errors.ts";
import { redact } from "../secrets.ts";
import type { LoadedPipeline, LoadOptions } from "./check.ts";
import { type Diagnostic, formatDiagnostic } from "./diagnostics.ts";
import { checkPipelines, loadPipelines } from "./load.ts";

/** Writes files into a new folder and returns the first one's path. */
async function written(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-pipeline-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return join(folder, Object.keys(files)[0] ?? "");
}

/** What `validate` says of a pipeline's text, as `line:column CODE message`. */
async function told(text: string, options: LoadOptions = {}): Promise<string[]> {
  const file = await written({ "p.yaml": text });
  const diagnostics = await checkPipelines([file], { env: {}, ...options });
  return diagnostics.map((diagnostic) => formatDiagnostic(diagnostic).slice(file.length + 1));
}

async function loaded(text: string, options: LoadOptions = {}): Promise<LoadedPipeline> {
  const [pipeline] = await loadPipelines([await written({ "p.yaml": text, "transform.ts": script })], {
    env: {},
    ...options,
  });
  if (pipeline === undefined) throw new Error("the file holds no pipeline");
  return pipeline;
}

const script = "export default (record: unknown): unknown => record;\n";

/** The pipeline of the design, with what each line of it can hold. */
const whole = `name: events
connector: acme_eu
stream: events
onConcurrentRun: skip
leaseSeconds: 60
input:
  type: httpPolling
  schedule: "*/10 * * * *"
  timezone: UTC
  endpoint: https://source.example.com/api/events
  method: GET
  timeoutMs: 30000
  dataField: events
  key: event.id
  pagination:
    type: cursor
    param: page
    nextCursorField: next
    limitParam: limit
    limit: 100
  statePersistence:
    timestamp:
      enabled: true
      field: event.timestamp
      format: iso8601
      queryParam: updated_after
      queryFormat: iso8601
      bound: inclusive
      granularity: 1ms
    id:
      enabled: true
      field: event.id
      queryParam: after_id
    offset:
      enabled: false
      queryParam: offset
    order: ascending
    pagesPerCheckpoint: 1
    lookback: PT0S
    settle: PT0S
    until:
      queryParam: updated_before
    storagePath: ./.cannectors-state
filters:
  - type: mapping
    mappings: [{ source: event.id, target: id }]
  - type: condition
    expression: "amount > 10"
  - type: set
    target: source
    value: acme
  - type: remove
    target: [payload.secret]
  - type: script
    path: ./transform.ts
output:
  type: database
  connectionString: sqlite:./events.db
  table: events
  key: id
  mode: upsert
`;

const referenceHttp = `
input:
  type: httpPolling
  schedule: "*/10 * * * *"
  endpoint: https://source.example.com/api/events
  dataField: events
  statePersistence:
    timestamp:
      enabled: true
      field: event.timestamp      # which record field is the timestamp
      queryParam: updated_after   # how the source API expects it
    id:
      enabled: true
      field: event.id             # which record field is the ID
      queryParam: after_id
    storagePath: ./.cannectors-state
`;

const referenceDatabase = `
input:
  type: database
  connectionStringRef: \${SOURCE_DATABASE_URL}
  query: |
    SELECT id, updated_at, payload
    FROM events
    WHERE updated_at > $1
    ORDER BY updated_at ASC
    LIMIT 500
  statePersistence:
    timestamp:
      enabled: true
      field: updated_at
    storagePath: ./.cannectors-state
`;

const named =
  "name: events\noutput: { type: database, connectionString: 'sqlite:./events.db', table: events, key: id }";

describe("a pipeline file", () => {
  test("holds all that the design shows", async () => {
    const pipeline = await loaded(whole);
    expect(pipeline).toMatchObject({
      name: "events",
      key: { connector: "acme_eu", stream: "events" },
      onConcurrentRun: "skip",
      leaseSeconds: 60,
      schedule: { expression: "*/10 * * * *", timezone: "UTC" },
      stateUrl: "file:./.cannectors-state",
      warnings: [],
    });
    expect(pipeline.input.incremental).toMatchObject({ order: "ascending", key: [["event", "id"]] });
    expect(pipeline.input.incremental.cursors.map(({ role }) => role)).toEqual(["timestamp", "id"]);
    expect(pipeline.filters.map(({ kind }) => kind)).toEqual([
      "mapping",
      "condition",
      "set",
      "remove",
      "script",
    ]);
    expect(pipeline.output).toMatchObject({ kind: "database", appends: false });
  });

  test.each([
    ["HTTP", referenceHttp],
    ["database", referenceDatabase],
  ])("runs as the reference has it, with a name and an output: %s", async (_, text) => {
    const pipeline = await loaded(`${named}${text}`, { env: { SOURCE_DATABASE_URL: "sqlite:./source.db" } });
    expect(pipeline.key).toEqual({ connector: "events", stream: "default" });
    expect(pipeline.input.incremental.cursors[0]?.role).toBe("timestamp");
    expect(pipeline.stateUrl).toBe("file:./.cannectors-state");
  });

  test("a query's doubts are told at their place in it", async () => {
    const text = `${named}${referenceDatabase}`;
    expect(await told(text, { env: { SOURCE_DATABASE_URL: "sqlite:./source.db" } })).toEqual([
      expect.stringMatching(/^9:24 TIE_HAZARD warning: a strict comparison together with LIMIT/),
      expect.stringMatching(/^9:24 FIRST_RUN_BOUND warning: nothing compares with NULL/),
    ]);
  });

  test("may hold several pipelines, and a folder several files", async () => {
    const one = (name: string) =>
      `name: ${name}\ninput: { type: httpPolling, endpoint: 'https://x.example/' }\noutput: { type: console }\n`;
    const file = await written({
      "b.yaml": `${one("b1")}---\n${one("b2")}`,
      "a.yml": one("a"),
      "notes.txt": "x",
    });
    const names = (pipelines: readonly LoadedPipeline[]) => pipelines.map(({ name }) => name);
    expect(names(await loadPipelines([file]))).toEqual(["b1", "b2"]);
    expect(names(await loadPipelines([dirname(file)]))).toEqual(["a", "b1", "b2"]);
    expect(names(await loadPipelines([file, file]))).toEqual(["b1", "b2"]);
  });

  test("prints to the console that it is given, through a script with params", async () => {
    const file = await written({
      "p.yaml":
        "name: x\ninput: { type: httpPolling, endpoint: 'https://${HOST}/' }\nfilters: [{ type: script, path: deep/s.mjs }]\noutput: { type: console }\n",
      "deep/s.mjs": "export default (record, { params, stream }) => ({ ...record, ...params, stream });\n",
    });
    const console = new PassThrough();
    const [pipeline] = await loadPipelines([file], { env: {}, params: { HOST: "a.example" }, console });
    const context = {
      key: { connector: "x", stream: "default" },
      clock: systemClock,
      signal: new AbortController().signal,
      warn: () => {},
    };
    const records = await pipeline?.filters[0]?.apply([{ n: 1 }], { ...context, runId: "r" });
    const session = await pipeline?.output.open({ ...context, lane: "", leaseSeconds: 60 });
    await session?.write({ records: records ?? [] });
    expect(console.read().toString()).toBe('{"n":1,"HOST":"a.example","stream":"default"}\n');
  });
});

describe("what is wrong with a pipeline", () => {
  test("six mistakes are six diagnostics in one go, each at its line", async () => {
    const text = `name: events
conector: acme
input:
  type: httpPolling
  endpoint: source.example.com/api
  pagination:
    type: pages
  statePersistence:
    timestamp:
      field: updated_at
    pagesPerCheckpoint: none
filters:
  - { type: condition, expression: "amount >" }
output:
  type: file
  path: events.jsonl
`;
    expect(await told(text)).toEqual([
      "2:1 KEY_UNKNOWN unknown key `conector`; did you mean `connector`?",
      '5:13 VALUE_INVALID `input.endpoint`: expected a URL such as https://host.example/path, found "source.example.com/api"',
      '7:11 VALUE_INVALID `input.pagination.type`: "pages" is not known; did you mean `page`?',
      "9:5 KEY_MISSING `input.statePersistence.timestamp.queryParam` is missing (Name of the request parameter that carries this value)",
      '11:25 VALUE_INVALID `input.statePersistence.pagesPerCheckpoint`: expected a whole number, found "none"',
      "13:45 EXPRESSION_INVALID `filters[0].expression`: the expression cannot be read: Unexpected end of expression",
    ]);
  });

  test("a key that is mistyped is one diagnostic, at its line, wherever it stands", async () => {
    const lines = whole.split("\n");
    const mistyped = lines.flatMap((line, index) => {
      const [, before = "", key = "", rest = ""] = /^(\s*(?:- )?)([a-zA-Z]+)(:.*)$/.exec(line) ?? [];
      return key === "" ? [] : [{ index, line: `${before}${key.slice(0, -1)}q${rest}`, key }];
    });
    expect(mistyped.length).toBeGreaterThan(40);
    const folder = await written({ "transform.ts": script });
    for (const { index, line, key } of mistyped) {
      const file = join(dirname(folder), "p.yaml");
      await writeFile(file, lines.with(index, line).join("\n"));
      const diagnostics = await checkPipelines([file], { env: {} });
      expect(diagnostics, `with ${key} mistyped`).toMatchObject([{ line: index + 1, code: "KEY_UNKNOWN" }]);
      expect(diagnostics[0]?.message, `with ${key} mistyped`).toContain(`did you mean \`${key}\`?`);
    }
  });

  test.each<[string, string, string[]]>([
    ["an empty file", "# nothing yet\n", ["1:1 KEY_MISSING the file holds no pipeline"]],
    [
      "a list",
      "- a\n",
      ["1:1 VALUE_INVALID the pipeline: expected keys with values (`key: value`), found a list"],
    ],
    [
      "nothing but a name",
      "name: x\n",
      [
        "1:1 KEY_MISSING `input` is missing (Where records are read)",
        "1:1 KEY_MISSING `output` is missing (Where records are written)",
      ],
    ],
    [
      "a part without its type",
      "name: x\ninput:\n  endpoint: https://x.example\noutput: { type: console }\n",
      ["2:1 KEY_MISSING `input.type` is missing (one of httpPolling, database, module)"],
    ],
    [
      "a name that is none",
      'name: " x"\ninput: { type: httpPolling, endpoint: "https://x.example" }\noutput: { type: console }\n',
      ["1:7 VALUE_INVALID `name` cannot be a name: it begins or ends with a space"],
    ],
    [
      "a union's nearest alternative",
      "name: x\ninput: { type: httpPolling, endpoint: 'https://x.example', rateLimit: { requestPerSecond: 5 } }\noutput: { type: console }\n",
      [
        "2:73 KEY_UNKNOWN unknown key `requestPerSecond` under `input.rateLimit`; did you mean `requestsPerSecond`?",
      ],
    ],
    [
      "an alias where `type` should be",
      "name: x\ninput: { type: *kind, endpoint: 'https://x.example' }\noutput: { type: console }\n",
      ["2:16 YAML_INVALID no anchor `&kind` stands before this"],
    ],
    [
      "a key given twice, and another mistake",
      "name: x\nname: y\ninput: { type: httpPolling, endpoint: 'https://x.example' }\noutput: { type: consol }\n",
      [
        "2:1 KEY_DUPLICATE `name` is given twice",
        '4:17 VALUE_INVALID `output.type`: "consol" is not known; did you mean `console`?',
      ],
    ],
  ])("%s", async (_, text, expected) => {
    expect(await told(text)).toEqual(expected);
  });

  test("a script that is missing or has no default export is told where it is named", async () => {
    const file = await written({
      "p.yaml":
        "name: x\ninput: { type: httpPolling, endpoint: 'https://x.example' }\nfilters:\n  - type: script\n    path: ./gone.ts\n  - type: script\n    path: none.mjs\noutput: { type: console }\n",
      "none.mjs": "export const a = 1;\n",
    });
    expect(await checkPipelines([file])).toMatchObject([
      {
        line: 5,
        column: 11,
        code: "SCRIPT_INVALID",
        message: expect.stringMatching(/^no script is at .*gone\.ts$/),
      },
      {
        line: 7,
        column: 11,
        code: "SCRIPT_INVALID",
        message: expect.stringContaining("has no default export"),
      },
    ]);
  });

  test("two pipelines of one stream, or one file, are refused", async () => {
    const one = (name: string, path: string) =>
      `name: ${name}\nstream: s\ninput: { type: httpPolling, endpoint: 'https://x.example', key: id }\noutput: { type: file, path: ${path} }\n`;
    const file = await written({
      "a.yaml": one("x", "a.jsonl"),
      "b.yaml": `${one("x", "b.jsonl")}---\n${one("y", "./a.jsonl")}`,
    });
    const diagnostics = await checkPipelines([dirname(file)]);
    const mistakes = diagnostics.filter(({ severity }) => severity === "error");
    expect(mistakes).toMatchObject([
      {
        line: 1,
        code: "CONFIG_INCOHERENT",
        message: expect.stringContaining("the stream x/s is already that of the pipeline at"),
      },
      {
        line: 9,
        code: "CONFIG_INCOHERENT",
        message: expect.stringContaining("the file ./a.jsonl is already that of"),
      },
    ]);
    await expect(loadPipelines([dirname(file)])).rejects.toMatchObject({ code: "PIPELINE_INVALID" });
  });

  test("loading throws all of it in one error", async () => {
    const file = await written({ "p.yaml": "name: 5x\ninput: 5\noutput: { type: console, x: 1 }\n" });
    const error = await loadPipelines([file]).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TidemarkError);
    expect(error).toMatchObject({
      code: "PIPELINE_INVALID",
      message: expect.stringContaining("the pipeline has 2 mistakes: "),
      where: { file, line: 2, column: 8 },
      details: { diagnostics: [{ line: 2 }, { line: 3, code: "KEY_UNKNOWN" }] },
    });
  });

  test("a path without a pipeline is told as such", async () => {
    const file = await written({ "folder/notes.txt": "x" });
    await expect(loadPipelines([`${file}.yaml`])).rejects.toMatchObject({ code: "PIPELINE_NOT_FOUND" });
    await expect(loadPipelines([dirname(file)])).rejects.toMatchObject({ code: "PIPELINE_NOT_FOUND" });
    expect(await checkPipelines([`${file}.yaml`])).toMatchObject([
      { code: "PIPELINE_NOT_FOUND", line: 1, column: 1 },
    ]);
  });
});

describe("values from the environment", () => {
  const text = (more: string) =>
    `name: x\ninput:\n  type: httpPolling\n  endpoint: https://x.example\n  ${more}\noutput: { type: console }\n`;

  test.each<[string, Record<string, string>]>([
    ["timeoutMs: ${MS}", { MS: "5000" }],
    ["timeoutMs: ${SECONDS}000", { SECONDS: "5" }],
    ["timeoutMs: ${MS:-5000}", {}],
    ["rateLimit: { requestsPerSecond: '${RATE}' }", { RATE: "0.5" }],
    ["statePersistence: { id: { field: id, queryParam: after, enabled: '${ON}' } }", { ON: "true" }],
    ["method: ${METHOD}", { METHOD: "POST" }],
    ["queryParams: { a: '${A}', b: '${B}' }", { A: "5", B: "true" }],
  ])("%s fits where a number, a choice or true and false is wanted", async (line, env) => {
    expect(await told(text(line), { env })).toEqual([]);
  });

  test("one that does not fit is told without what it holds", async () => {
    expect(await told(text("timeoutMs: ${MS}"), { env: { MS: "soon" } })).toEqual([
      "5:14 VALUE_INVALID `input.timeoutMs`: expected a whole number, found what ${MS} holds",
    ]);
  });

  test("one that is missing is one mistake, whatever its value would have been", async () => {
    expect(await told(text("timeoutMs: ${MS}"), { env: { M: "1" } })).toEqual([
      "5:14 ENV_MISSING `input.timeoutMs`: the environment variable MS is not set; M is (set it, or give a default: ${MS:-…})",
    ]);
  });

  test("a text in quotes is a text; a number where text is wanted is the text that was written", async () => {
    expect(await told(text('timeoutMs: "5000"'))).toEqual([
      '5:14 VALUE_INVALID `input.timeoutMs`: expected a whole number, found "5000"',
    ]);
    expect(
      await told(text("statePersistence: { lookback: 010, id: { field: id, queryParam: 007 } }")),
    ).toEqual([]);
  });

  test("P14: neither a diagnostic nor an error shows a secret", async () => {
    const secret = "hunter2-is-the-secret";
    const file = await written({
      "p.yaml": text(
        "queryParams: [ '${TOKEN}' ]\n  authentication: { type: bearer, tokn: 'literal-token-x' }\n  headers: { 'bad header ${TOKEN}': 1 }",
      ).replace("https://x.example", "https://ann:${TOKEN}@x.example"),
    });
    const diagnostics = await checkPipelines([file], { env: { TOKEN: secret } });
    expect(diagnostics.length).toBeGreaterThan(1);
    const error = await loadPipelines([file], { env: { TOKEN: secret } }).catch((thrown: unknown) => thrown);
    expect(`${JSON.stringify(diagnostics)}${diagnostics.map(formatDiagnostic)}`).not.toContain(secret);
    expect(`${String(error)}${JSON.stringify(error)}`).not.toContain(secret);
    expect(redact(secret)).toBe("[redacted]");
  });
});

describe("settings that contradict one another", () => {
  const pipeline = (persistence: string, output = "{ type: file, path: x.jsonl }", more = "") =>
    `name: x\ninput:\n  type: httpPolling\n  endpoint: https://x.example\n  statePersistence: { timestamp: { field: at, queryParam: since }${persistence} }\n${more}output: ${output}\n`;

  test("an append that would look back is refused", async () => {
    expect(await told(pipeline(", lookback: PT1H, order: ascending"))).toEqual([
      "5:68 CONFIG_INCOHERENT `lookback` reads records again, and this output would append them again (remove it)",
    ]);
    expect(await told(pipeline(", lookback: PT0S, order: ascending"))).toEqual([]);
  });

  test("an append without order and key is refused; either will do, and so will replacing", async () => {
    expect(await told(pipeline(""))).toEqual([
      expect.stringMatching(/^5:3 CONFIG_INCOHERENT a source that is unordered may have to be read again/),
    ]);
    expect(await told(pipeline(", order: ascending"))).toEqual([]);
    expect(await told(pipeline("", undefined, "  key: id\n"))).toEqual([]);
    const table = "type: database, connectionString: 'sqlite:./x.db', table: t";
    expect(await told(pipeline("", `{ ${table}, key: id }`))).toEqual([]);
    expect(await told(pipeline("", `{ ${table} }`))).toEqual([
      expect.stringContaining("or give the output a `key` to replace rows by"),
    ]);
    expect(await told(pipeline("", "{ type: console }"))).toEqual([]);
  });

  test("an append that keeps no cursor is doubted, and runs", async () => {
    const text =
      "name: x\ninput: { type: httpPolling, endpoint: 'https://x.example' }\noutput: { type: file, path: x.jsonl }\n";
    expect(await told(text)).toEqual([
      "2:1 NO_CURSOR warning: no cursor is kept, so every run reads everything and appends it once more (declare `statePersistence`)",
    ]);
    expect((await loaded(text)).warnings).toMatchObject([{ code: "NO_CURSOR", severity: "warning" }]);
  });

  test("text as a cursor is doubted", async () => {
    const text =
      "name: x\ninput:\n  type: httpPolling\n  endpoint: https://x.example\n  statePersistence:\n    id: { field: id, type: text, queryParam: after }\noutput: { type: console }\n";
    expect(await told(text)).toEqual([
      expect.stringMatching(/^6:5 TEXT_ORDER warning: texts are compared by code point/),
    ]);
  });
});

test("whatever a file holds, there are diagnostics, and nothing is thrown", async () => {
  const file = await written({ "p.yaml": "" });
  const lines = whole.split("\n");
  const value = fc.oneof(
    fc.constantFrom(
      "",
      "[]",
      "{}",
      "null",
      "5",
      "-1",
      "1e400",
      "true",
      "'x'",
      "*a",
      "&a x",
      "!t",
      "${A}",
      "${",
      "[a",
      "{a: b",
      "|",
      "- -",
      ".inf",
    ),
    fc.string({ maxLength: 10 }),
  );
  const key = fc.constantFrom(...new Set(whole.match(/[a-zA-Z]+(?=:)/g)), "tpye", "limt", "x", "__proto__");
  const mutation = fc.oneof(
    fc.record({ change: fc.constant("line" as const), line: fc.nat(lines.length - 1), to: value }),
    fc.record({ change: fc.constant("value" as const), line: fc.nat(lines.length - 1), to: value }),
    fc.record({ change: fc.constant("key" as const), line: fc.nat(lines.length - 1), to: key }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 6 }), async (mutations) => {
      let text = lines;
      for (const { change, line, to } of mutations) {
        const before = text[line] ?? "";
        const after =
          change === "key" ? before.replace(/[a-zA-Z]+(?=:)/, to) : before.replace(/:.*$/, `: ${to}`);
        text = text.with(line, change === "line" ? to : after);
      }
      await writeFile(file, text.join("\n"));
      const diagnostics: readonly Diagnostic[] = await checkPipelines([file], { env: { A: "x" } });
      for (const { line, column, message } of diagnostics) {
        expect(line).toBeGreaterThan(0);
        expect(column).toBeGreaterThan(0);
        expect(message).not.toBe("");
      }
    }),
    { numRuns: 300 },
  );
});
