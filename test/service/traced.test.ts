import { expect, it, onTestFinished } from "vitest";
import { type Log, openLog } from "../../src/observability/log.ts";
import { tracedRequests } from "../../src/observability/traced-requests.ts";
import { noTracing } from "../../src/observability/tracing.ts";
import { openState } from "../../src/state/storage/open.ts";
import { parseTraceContext, withTraceContext } from "../../src/trace-context.ts";
import { type Running, startService } from "./support.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;

/** A service that logs as the command's does, and the lines that it has logged. */
async function loggingService(): Promise<Running & { readonly lines: () => unknown[] }> {
  const lines: unknown[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  const logger: Log = await openLog({ level: "info", pretty: false, write });
  const service = await startService({ logger, middleware: [tracedRequests(noTracing)] });
  return { ...service, lines: () => lines };
}

it("a request's log line names the trace that the request came with, also where it is refused", async () => {
  const service = await loggingService();
  await service.ask("GET", "/v1/streams", { headers: { traceparent } });
  await service.ask("GET", "/v1/nowhere", { headers: { traceparent } });
  await service.ask("GET", "/v1/streams", { headers: { traceparent, authorization: "" } });
  await service.ask("GET", "/v1/streams");
  expect(service.lines()).toMatchObject([
    { msg: "request", status: 200, trace_id: traceId },
    { msg: "request", status: 404, trace_id: traceId },
    { msg: "request", status: 401, trace_id: traceId },
    { msg: "request", status: 200 },
  ]);
  expect(service.lines().at(-1)).not.toHaveProperty("trace_id");
});

it("what a run asks of its state over HTTP is part of the run's trace", async () => {
  const service = await loggingService();
  const state = await openState(service.url, { key: service.admin });
  onTestFinished(() => state.close());
  const key = { connector: "acme", stream: "orders" };
  const context = parseTraceContext(traceparent, "vendor=1");
  if (context === null) throw new Error("it is one");
  await withTraceContext(context, async () => {
    const run = await state.begin(key, { cursorType: "numeric_id" });
    await state.complete(run, { newCursor: "1" });
  });
  await state.get(key);
  expect(service.lines()).toMatchObject([
    { route: expect.stringMatching(/begin$/), trace_id: traceId },
    { route: expect.stringMatching(/complete$/), trace_id: traceId },
    { route: "/v1/streams/{connector}/{stream}" },
  ]);
  expect(service.lines().at(-1)).not.toHaveProperty("trace_id");
});
