import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { systemClock } from "../clock.ts";
import type { Filter, Input, Output } from "../engine/ports.ts";
import { createConsoleOutput } from "../outputs/console.ts";
import { definePipeline } from "./define.ts";

const http = { type: "httpPolling", endpoint: "https://x.example/" } as const;
const context = {
  key: { connector: "x", stream: "default" },
  clock: systemClock,
  signal: new AbortController().signal,
  runId: "r",
  warn: () => {},
};

test("a pipeline in code is what its file would be", () => {
  const pipeline = definePipeline({
    name: "events",
    connector: "acme",
    input: { ...http, key: "id", statePersistence: { id: { field: "id", queryParam: "after" } } },
    filters: [{ type: "remove", target: "secret" }],
    output: { type: "file", path: "events.jsonl" },
  });
  expect(pipeline).toMatchObject({
    name: "events",
    key: { connector: "acme", stream: "default" },
    onConcurrentRun: "skip",
    leaseSeconds: 60,
    output: { kind: "file", appends: true },
  });
  expect(pipeline.input.incremental.key).toEqual([["id"]]);
});

test("a key that names no column is an error in code, as in a file", () => {
  const output = {
    type: "database",
    connectionString: "sqlite:./t.db",
    table: "t",
    key: "event.id",
  } as const;
  expect(() => definePipeline({ name: "x", input: { ...http, key: "event.id" }, output })).toThrow(
    "`event.id` is no column",
  );
});

test("inputs, outputs, filters and functions of one's own go where declarations go", async () => {
  const input: Input = {
    kind: "mine",
    incremental: definePipeline({ name: "x", input: http, output: { type: "console" } }).input.incremental,
    open: () => Promise.reject(new Error("not opened here")),
  };
  const output: Output = createConsoleOutput(new PassThrough());
  const filter: Filter = { kind: "mine", apply: (records) => records.slice(1) };
  const pipeline = definePipeline({
    name: "x",
    input,
    filters: [
      filter,
      function double(record) {
        return [record, { ...record, twice: true }];
      },
    ],
    output,
  });
  expect(pipeline.input).toBe(input);
  expect(pipeline.output).toBe(output);
  expect(pipeline.filters[0]).toBe(filter);
  expect(await pipeline.filters[1]?.apply([{ n: 1 }], context)).toEqual([{ n: 1 }, { n: 1, twice: true }]);
});

test("a function that fails is reported by its name", async () => {
  const pipeline = definePipeline({
    name: "x",
    input: http,
    filters: [
      function broken() {
        throw new Error("boom");
      },
      () => {
        throw new Error("boom");
      },
    ],
    output: { type: "console" },
  });
  await expect(pipeline.filters[0]?.apply([{}], context)).rejects.toThrow(
    "filter broken: record 1 of the batch: boom",
  );
  await expect(pipeline.filters[1]?.apply([{}], context)).rejects.toThrow(
    "filter 2: record 1 of the batch: boom",
  );
});

test("every error is reported at once, with its place in the pipeline", () => {
  const wrong = JSON.parse(
    '{ "name": "", "strem": "s", "input": { "type": "httpPolling", "endpont": "https://x.example/" }, "filters": [{ "type": "set", "target": "a..b", "value": 1 }], "output": { "type": "fle" } }',
  );
  let thrown: unknown;
  try {
    definePipeline(wrong);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({
    code: "PIPELINE_INVALID",
    details: {
      diagnostics: [
        { code: "KEY_UNKNOWN", path: ["strem"], message: "unknown key `strem`; did you mean `stream`?" },
        { code: "VALUE_INVALID", path: ["name"] },
        { code: "KEY_UNKNOWN", path: ["input", "endpont"] },
        { code: "VALUE_INVALID", path: ["filters", 0, "target"] },
        {
          code: "VALUE_INVALID",
          path: ["output", "type"],
          message: '`output.type`: "fle" is not known; did you mean `file`?',
        },
      ],
    },
  });
});

test("settings that contradict one another are refused here too", () => {
  expect(() =>
    definePipeline({
      name: "x",
      input: { ...http, statePersistence: { id: { field: "id", queryParam: "after" } } },
      output: { type: "file", path: "x.jsonl" },
    }),
  ).toThrow("without a key this output would append its records again");
});
