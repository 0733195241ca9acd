import { describe, expect, test } from "vitest";
import { defineConnector } from "../src/engine/connector/connector.ts";
import { connectorInput } from "../src/engine/connector/connector-input.ts";
import type { Input, Pipeline } from "../src/engine/ports.ts";
import { Bench, record } from "../test/support/engine-bench.ts";
import { crashTest } from "./crash-test.ts";
import { MemoryTable, memoryOutput } from "./memory-output.ts";

function pipelineOf(input: Input, appends = true): Pipeline {
  return {
    name: "numbers",
    key: { connector: "acme", stream: "numbers" },
    onConcurrentRun: "skip",
    leaseSeconds: 60,
    input,
    filters: [],
    output: memoryOutput(new MemoryTable(), { appends }),
  };
}

const total = 12;

/** Gives the numbers above the cursor, each batch followed by the cursor that covers it, or led by it. */
function numbers(order: "records first" | "cursor first") {
  return defineConnector({
    id: "numbers",
    cursorType: "numeric_id",
    async *sync({ cursor }) {
      for (let from = Number(cursor ?? 0); from < total; from += 3) {
        const records = [1, 2, 3].map((step) => ({ id: from + step }));
        const reached = { cursor: String(from + 3) };
        if (order === "cursor first") yield reached;
        yield* records.map((item) => ({ record: item }));
        if (order === "records first") yield reached;
      }
    },
  });
}

describe("crashTest", () => {
  test("P1 P2: finds nothing to report of a pipeline that keeps its promises, crashed at every call", async () => {
    for (const order of ["ascending", "descending", "unordered"] as const) {
      const bench = new Bench({
        incremental: { order },
        reading: { order: order === "descending" ? order : "ascending" },
      });
      bench.source.records = [1, 2, 3, 4, 5, 6, 7].map((id) => record(id, id));
      const report = await crashTest(bench.pipeline);
      expect(report.findings).toEqual([]);
      expect(report.records).toBe(7);
      expect(report.histories).toBe(report.calls.length * 2);
      expect(report.calls).toEqual(expect.arrayContaining(["state.begin", "input.read", "output.commit"]));
    }
  });

  test("puts an incremental run to the test, where the source's changes are declared", async () => {
    const bench = new Bench({ appends: false });
    const reset = () => {
      bench.source.records = [1, 2, 3, 4].map((id) => record(id, id));
    };
    const report = await crashTest(bench.pipeline, {
      reset,
      change: () => bench.source.put({ ...record(2, 9), changed: true }),
    });
    expect(report.findings).toEqual([]);
    expect(report.records).toBe(5);
  });

  test("finds nothing to report of a connector that yields its cursor after the records it covers", async () => {
    const input = connectorInput(numbers("records first"), { batchSize: 2, key: "id" });
    expect((await crashTest(pipelineOf(input))).findings).toEqual([]);
  });

  test("finds what a connector loses that yields its cursor before the records it covers, and where", async () => {
    const input = connectorInput(numbers("cursor first"), { batchSize: 1, key: "id" });
    const report = await crashTest(pipelineOf(input));
    const losing = report.findings.filter(({ lost }) => lost.length > 0);
    expect(losing.length).toBeGreaterThan(0);
    const [first] = losing;
    expect(first?.lost.some((name) => name.startsWith("1 "))).toBe(true);
    expect(report.calls[(first?.step ?? 0) - 1]).toBe(first?.call);
    expect(first?.call).toMatch(/^(state|input|output)\./);
  });

  test("finds what a source repeats whose records are never twice the same", async () => {
    let answered = 0;
    const input: Input = {
      kind: "restless",
      incremental: new Bench({ incremental: { key: null, order: "unordered" } }).pipeline.input.incremental,
      open: async () => ({
        async *read() {
          yield {
            records: [{ id: 1, updated_at: "2026-01-01T00:00:00Z", answered: ++answered }],
            next: null,
          };
        },
        close: async () => {},
      }),
    };
    const { findings } = await crashTest(pipelineOf(input));
    expect(findings.some(({ repeated }) => repeated.length > 0)).toBe(true);
  });

  test("goes on without records that cannot be read where the pipeline does, and writes no letters", async () => {
    const records = [record(1, 1), { id: 2, updated_at: "soon" }, record(3, 3)];
    const input: Input = {
      kind: "fixed",
      incremental: new Bench({ incremental: { order: "unordered" } }).pipeline.input.incremental,
      open: async () => ({
        async *read() {
          yield { records, next: null };
        },
        close: async () => {},
      }),
    };
    const pipeline = pipelineOf(input);
    await expect(crashTest(pipeline)).rejects.toMatchObject({ code: "CURSOR_INVALID" });
    for (const policy of ["skip", "deadLetter"] as const) {
      const onError = {
        policy,
        deadLetters: () => {
          throw new Error("a letter would be written");
        },
      };
      const report = await crashTest({ ...pipeline, output: { ...pipeline.output, onError } });
      expect([report.records, report.findings]).toEqual([2, []]);
    }
  });

  test("throws what fails a run that nobody disturbs", async () => {
    const bench = new Bench();
    bench.source.records = [record(1, 1)];
    bench.source.beforePage = () => {
      throw new Error("no source there");
    };
    await expect(crashTest(bench.pipeline)).rejects.toThrow("no source there");
  });

  test("spreads few crashes evenly over a long run", async () => {
    const bench = new Bench();
    bench.source.records = Array.from({ length: 40 }, (_, index) => record(index, index));
    const report = await crashTest(bench.pipeline, { most: 10 });
    expect(report.histories).toBe(20);
    expect(report.findings).toEqual([]);
  });
});
