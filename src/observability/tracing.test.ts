import { context, propagation, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { expect, onTestFinished, test } from "vitest";
import { at, Bench, record } from "../../test/support/engine-bench.ts";
import { attemptSync } from "../engine/run/sync.ts";
import { TidemarkError } from "../errors.ts";
import { registerSecret } from "../secrets.ts";
import { parseTraceContext, traceHeaders, withTraceContext } from "../trace-context.ts";
import { tracedRun } from "./traced-run.ts";
import { noTracing, openTracing } from "./tracing.ts";

/** An SDK that keeps spans in memory, as long as the test goes on. */
function sdk(): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register();
  onTestFinished(async () => {
    await provider.shutdown();
    for (const part of [trace, context, propagation]) part.disable();
  });
  return exporter;
}

async function tracedSync(bench: Bench) {
  const tracing = await openTracing("1.0.0");
  return tracedRun(tracing, bench.pipeline, bench.state, (pipeline, state) =>
    attemptSync(pipeline, { state }),
  );
}

function parentOf(span: ReadableSpan | undefined, spans: readonly ReadableSpan[]): string | undefined {
  return spans.find((other) => other.spanContext().spanId === span?.parentSpanContext?.spanId)?.name;
}

test("without an SDK nothing is recorded, and the pipeline is run as it is", async () => {
  const tracing = await openTracing("1.0.0");
  expect(tracing).toBe(noTracing);
  const bench = new Bench();
  await tracedRun(tracing, bench.pipeline, bench.state, async (pipeline, state) => {
    expect(pipeline).toBe(bench.pipeline);
    expect(state).toBe(bench.state);
    return attemptSync(pipeline, { state });
  });
});

test("a run is a span, with its pages, batches and checkpoints inside", async () => {
  const exporter = sdk();
  const bench = new Bench();
  bench.source.records = [1, 2, 3, 4].map((id) => record(id, id));
  const result = await tracedSync(bench);
  expect(result).toMatchObject({ status: "completed", recordsWritten: 4 });
  const spans = exporter.getFinishedSpans();
  const run = spans.find(({ name }) => name === "tidemark.run");
  expect(run?.attributes).toMatchObject({
    "tidemark.connector": "acme",
    "tidemark.stream": "events",
    "tidemark.run_id": result.runId,
    "tidemark.epoch": 1,
    "tidemark.status": "completed",
    "tidemark.records_written": 4,
  });
  const pages = spans.filter(({ name }) => name === "tidemark.page.read");
  expect(pages.slice(0, 2).map(({ attributes }) => attributes["tidemark.records"])).toEqual([3, 1]);
  for (const name of ["tidemark.page.read", "tidemark.batch.write", "tidemark.checkpoint"]) {
    expect(
      parentOf(
        spans.find((span) => span.name === name),
        spans,
      ),
    ).toBe("tidemark.run");
  }
  expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1);
  expect(bench.ids()).toEqual([1, 2, 3, 4]);
  expect(await bench.watermark()).toBe(at(4));
});

test("P14: a run that fails says so in its span, without secrets", async () => {
  const exporter = sdk();
  registerSecret("hunter2-token");
  const bench = new Bench({
    pipeline: {
      filters: [
        {
          kind: "script",
          apply: () => {
            throw new TidemarkError("FILTER_FAILED", "no access with hunter2-token");
          },
        },
      ],
    },
  });
  bench.source.records = [record(1, 1)];
  expect(await tracedSync(bench)).toMatchObject({ status: "failed" });
  const run = exporter.getFinishedSpans().find(({ name }) => name === "tidemark.run");
  expect(run?.status).toMatchObject({ code: 2, message: "no access with [redacted]" });
  expect(run?.events[0]?.attributes).toMatchObject({ "exception.type": "FILTER_FAILED" });
});

test("a span is a part of the trace that came with a request, and requests made in it hand it on", async () => {
  const exporter = sdk();
  const tracing = await openTracing("1.0.0");
  const given = parseTraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "vendor=1");
  if (given === null) throw new Error("it is one");
  const handed = await withTraceContext(given, () => tracing.span("work", {}, async () => traceHeaders()));
  const [span] = exporter.getFinishedSpans();
  expect(span?.parentSpanContext?.spanId).toBe("00f067aa0ba902b7");
  expect(handed).toEqual({
    traceparent: `00-4bf92f3577b34da6a3ce929d0e0e4736-${span?.spanContext().spanId}-01`,
    tracestate: "vendor=1",
  });
});
