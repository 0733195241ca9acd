import { dirname } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { loaded, told, whole, written } from "../../test/support/pipeline-files.ts";
import { systemClock } from "../clock.ts";
import type { LoadedPipeline } from "./check.ts";
import { loadPipelines } from "./load.ts";

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
      warnings: [{ code: "CURSORS_COMBINED" }],
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

  test("a query's warnings are reported at their place in it", async () => {
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
    const session = await pipeline?.output.open({ ...context, scope: "", leaseSeconds: 60 });
    await session?.write({ records: records ?? [] });
    expect(console.read().toString()).toBe('{"n":1,"HOST":"a.example","stream":"default"}\n');
  });
});
