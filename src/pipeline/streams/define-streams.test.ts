import { expect, test } from "vitest";
import { TidemarkError } from "../../errors.ts";
import { defineOutput, definePipeline } from "../define.ts";
import { defineStreams } from "./define-streams.ts";

const http = { type: "httpPolling", endpoint: "https://a.example/v2", key: "id" } as const;

test("the streams of a pipeline in code are pipelines of their own", () => {
  const shop = defineStreams({
    name: "shop",
    concurrency: 2,
    input: {
      ...http,
      streams: ["orders", { name: "items", path: "/i", filters: [(record) => record], deadline: "1h" }],
    },
    output: { type: "file", path: "./{{ stream }}.jsonl" },
  });
  expect(shop).toMatchObject({ name: "shop", connector: "shop", concurrency: 2 });
  expect(shop.written.map(({ key }) => key.stream)).toEqual(["orders", "items"]);
  expect(shop.written.map(({ output }) => output.target?.name)).toEqual([
    "the file ./orders.jsonl",
    "the file ./items.jsonl",
  ]);
  expect(shop.written[1]).toMatchObject({ deadlineMs: 3_600_000, filters: [{ kind: "function" }] });
});

test("an output that was made in code is shared, unless an entry declares another", () => {
  const output = defineOutput({ type: "console" });
  const { written } = defineStreams({
    name: "x",
    input: { ...http, streams: ["a", { name: "b", output: { type: "file", path: "./b.jsonl" } }] },
    output,
  });
  expect(written.map((pipeline) => pipeline.output === output)).toEqual([true, false]);
});

test("all errors come at once, with the streams that have them", () => {
  let thrown: unknown;
  try {
    defineStreams({
      name: "x",
      concurrency: 0,
      input: { ...http, streams: ["a", "a", { name: "b", timeoutMs: 0 }, { name: "c" }] },
      output: { type: "file", path: "./x.jsonl" },
    });
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof TidemarkError)) throw new Error("nothing was refused");
  expect(thrown.code).toBe("PIPELINE_INVALID");
  expect(thrown.details?.diagnostics).toMatchObject([
    { path: ["concurrency"] },
    { code: "CONFIG_INCOHERENT", message: "the stream `a` is declared already, at `input.streams[0]`" },
    { path: ["input", "streams", 2, "timeoutMs"], message: expect.stringContaining("(in the stream `b`)") },
    { message: expect.stringContaining("the streams `a` and `c` write to the file ./x.jsonl") },
    { message: expect.stringContaining("the streams `a` and `c` write to the file ./x.jsonl") },
  ]);
});

test("definePipeline refuses what only several streams have", () => {
  const listed = { name: "x", input: { ...http, streams: ["a"] }, output: { type: "console" } } as const;
  expect(() => definePipeline(listed)).toThrow(/`input.streams` declares several pipelines/);
  expect(() =>
    definePipeline({ name: "x", concurrency: 2, input: http, output: { type: "console" } }),
  ).toThrow(/`concurrency` is how many streams run at once/);
});
