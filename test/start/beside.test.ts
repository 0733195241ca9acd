import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { events, sourceServer } from "../cli/source-server.ts";
import { execute, temporaryFolder } from "../cli/support.ts";
import { startHttpServer } from "../support/http-server.ts";
import { holdPage, idsIn, scheduledYaml, startSchedules, toFile } from "./support.ts";

async function text(
  url: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  const response = await fetch(String(url), { headers });
  return { status: response.status, body: await response.text() };
}

it("the service and the metrics run together with the schedules, over the same state", async () => {
  const cwd = temporaryFolder();
  const source = await sourceServer(events(3));
  writeFileSync(join(cwd, "events.yaml"), scheduledYaml("events", source.endpoint, toFile("events")));
  const running = startSchedules(cwd, ["events.yaml", "--port", "0", "--metrics-port", "0"]);
  const { url, metrics } = await running.line({ msg: "started" });
  await running.line({ msg: "run completed", records_written: 3 });

  expect((await text(`${url}/metrics`)).status).toBe(401);
  const key = readFileSync(join(cwd, ".tidemark/admin.key"), "utf8").trim();
  const authorized = { authorization: `Bearer ${key}` };
  const streams = JSON.parse((await text(`${url}/v1/streams`, authorized)).body);
  expect(streams.streams ?? streams.items).toMatchObject([{ connector: "acme", stream: "events" }]);

  expect((await text(metrics, { "sec-fetch-site": "cross-site" })).status).toBe(403);
  for (const scraped of [await text(`${url}/metrics`, authorized), await text(metrics)]) {
    expect(scraped.status).toBe(200);
    const ofEvents = '{connector="acme",stream="events"}';
    expect(scraped.body).toMatch(
      /^tidemark_runs_total\{connector="acme",stream="events",outcome="completed"\} [1-9]/m,
    );
    expect(scraped.body).toContain(`tidemark_records_written_total${ofEvents} 3\n`);
    expect(scraped.body).toMatch(/^tidemark_cursor_age_seconds\{connector="acme",stream="events"\} \d/m);
    expect(scraped.body).toMatch(/^tidemark_schedule_lateness_seconds_count [1-9]/m);
    expect(scraped.body).toMatch(
      /^tidemark_http_request_duration_seconds_count\{method="GET",route="\/v1\/streams",status="200"\} 1$/m,
    );
    expect(scraped.body).toContain("tidemark_pipelines 1\n");
  }
  running.child.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
});

it("the metrics count the records that a pipeline's filters drop, and those that it sets aside", async () => {
  const cwd = temporaryFolder();
  const source = await sourceServer(events(6));
  const output = `{ type: file, path: events.jsonl, deadLetter: { path: refused.jsonl } }
filters:
  - { type: condition, expression: "id != 2" }
  - { type: condition, onError: skip, expression: "id = 3 ? $error('three') : true" }
  - { type: condition, onError: deadLetter, expression: "id = 5 ? $error('five') : true" }`;
  writeFileSync(join(cwd, "events.yaml"), scheduledYaml("events", source.endpoint, output));
  const running = startSchedules(cwd, ["events.yaml", "--port", "0", "--metrics-port", "0"]);
  const { metrics } = await running.line({ msg: "started" });
  await running.line({
    msg: "run completed",
    records_written: 3,
    records_refused: 2,
    records_dead_lettered: 1,
    records_filtered: 1,
  });
  const { body } = await text(metrics);
  const ofEvents = '{connector="acme",stream="events"}';
  expect(body).toContain(`tidemark_records_refused_total${ofEvents} 2\n`);
  expect(body).toContain(`tidemark_records_dead_lettered_total${ofEvents} 1\n`);
  expect(body).toContain(`tidemark_records_filtered_total${ofEvents} 1\n`);
  running.child.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
});

it("state that is served from elsewhere is used and not served once more", async () => {
  const cwd = temporaryFolder();
  const source = await sourceServer(events(3));
  writeFileSync(join(cwd, "events.yaml"), scheduledYaml("events", source.endpoint, toFile("events")));
  const elsewhere = temporaryFolder();
  writeFileSync(
    join(elsewhere, "other.yaml"),
    scheduledYaml("other", source.endpoint, toFile("other"), "@yearly"),
  );
  const serving = startSchedules(elsewhere, ["other.yaml", "--port", "0"]);
  const { url } = await serving.line({ msg: "started" });
  const key = readFileSync(join(elsewhere, ".tidemark/admin.key"), "utf8").trim();
  const running = startSchedules(cwd, ["events.yaml", "--state", String(url)], { TIDEMARK_KEY: key });
  expect(await running.line({ msg: "started" })).not.toHaveProperty("url");
  await running.line({ msg: "run completed", records_written: 3 });
  running.child.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
  const { stdout } = await execute(["state", "list", "--json"], { cwd: elsewhere });
  // A later run, which found nothing new, may have been under way as the process was stopped.
  expect(JSON.parse(stdout)).toMatchObject([
    { connector: "acme", stream: "events", cursor_value: "2026-01-01T00:03:00Z" },
  ]);
  serving.child.kill("SIGTERM");
  expect((await serving.ended).code).toBe(0);
});

it("two processes over one state leave each other their ticks and their runs", async () => {
  const cwd = temporaryFolder();
  const source = await sourceServer(events(1));
  writeFileSync(join(cwd, "events.yaml"), scheduledYaml("events", source.endpoint, toFile("events")));
  const both = [1, 2].map(() => startSchedules(cwd, ["events.yaml", "--no-service"]));
  await Promise.all(
    both.map((running) =>
      running.line({ msg: /^(run skipped$|another process ran this tick$|another process is running this)/ }),
    ),
  );
  for (const { child } of both) child.kill("SIGTERM");
  for (const { ended } of both) expect((await ended).code).toBe(0);
  const failed = both.flatMap(({ lines }) => lines.filter(({ level }) => level === "error"));
  expect(failed).toEqual([]);
});

it("P1: of two processes over one state, one takes over what the other left when it was killed", async () => {
  const cwd = temporaryFolder();
  const source = await sourceServer(events(5));
  // It is never answered; the process that asked is killed meanwhile.
  const asked = holdPage(source, 2);
  // However long the second process takes to start, the first still waits for its answer.
  const yaml = scheduledYaml("events", source.endpoint, toFile("events"));
  writeFileSync(join(cwd, "events.yaml"), yaml.replace("  retry:", "  timeoutMs: 600000\n  retry:"));
  const first = startSchedules(cwd, ["events.yaml", "--no-service"]);
  await asked;
  const second = startSchedules(cwd, ["events.yaml", "--no-service"]);
  await second.line({ msg: /^another process is running this stream/ });
  // The second page is asked for while the first is still written.
  await expect.poll(() => idsIn(cwd, "events")).toEqual([1, 2]);
  first.child.kill("SIGKILL");
  await first.ended;
  await second.line({ msg: "run completed", lower_bound: "2026-01-01T00:02:00Z", records_written: 3 });
  second.child.kill("SIGTERM");
  expect((await second.ended).code).toBe(0);
  expect(idsIn(cwd, "events")).toEqual([1, 2, 3, 4, 5]);
});

it("with an SDK, runs are traced, and so is what they ask their source; without one nothing is sent", async () => {
  const cwd = temporaryFolder();
  const seen: (string | undefined)[] = [];
  await using source = await startHttpServer((request, response) => {
    seen.push(request.headers.traceparent?.toString());
    response.setHeader("content-type", "application/json");
    response.end('{"events":[{"id":1,"at":"2026-01-01T00:00:00Z"}]}');
  });
  writeFileSync(join(cwd, "events.yaml"), scheduledYaml("events", source.origin, toFile("events")));
  const plain = startSchedules(cwd, ["events.yaml", "--no-service"]);
  await plain.line({ msg: "run completed" });
  plain.child.kill("SIGTERM");
  await plain.ended;
  expect(new Set(seen)).toEqual(new Set([undefined]));
  seen.length = 0;

  writeFileSync(join(cwd, "sdk.mjs"), recordingSdk);
  const env = { NODE_OPTIONS: `--import ${join(cwd, "sdk.mjs")}`, SPANS: join(cwd, "spans.jsonl") };
  const traced = startSchedules(cwd, ["events.yaml", "--port", "0", "--no-auth"], env);
  const { url } = await traced.line({ msg: "started" });
  const completed = await traced.line({ msg: "run completed" });
  const given = { trace: "4bf92f3577b34da6a3ce929d0e0e4736", span: "00f067aa0ba902b7" };
  await text(`${url}/v1/streams`, { traceparent: `00-${given.trace}-${given.span}-01` });
  traced.child.kill("SIGTERM");
  await traced.ended;

  const spans = readFileSync(join(cwd, "spans.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const run = spans.find(({ attributes }) => attributes["tidemark.run_id"] === completed.run);
  expect(run).toMatchObject({
    name: "tidemark.run",
    trace: completed.trace_id,
    attributes: { "tidemark.stream": "events" },
  });
  const pages = spans.filter(({ name, trace }) => name === "tidemark.page.read" && trace === run.trace);
  expect(pages.map(({ trace, span }) => `00-${trace}-${span}-01`)).toContain(
    seen.find((header) => header?.includes(run.trace)),
  );
  expect(spans.find(({ name }) => name === "tidemark.request")).toMatchObject({
    trace: given.trace,
    parent: given.span,
    attributes: { "http.response.status_code": 200 },
  });
  expect(existsSync(join(cwd, "events.jsonl"))).toBe(true);
});

/** An SDK that writes spans to a file, as a user would register one. */
const recordingSdk = `
import { appendFileSync } from "node:fs";
import { NodeTracerProvider, SimpleSpanProcessor } from ${JSON.stringify(import.meta.resolve("@opentelemetry/sdk-trace-node"))};
const exporter = {
  export(spans, done) {
    for (const span of spans) {
      const { traceId, spanId } = span.spanContext();
      const told = { name: span.name, trace: traceId, span: spanId, parent: span.parentSpanContext?.spanId, attributes: span.attributes };
      appendFileSync(process.env.SPANS, JSON.stringify(told) + "\\n");
    }
    done({ code: 0 });
  },
  shutdown: async () => {},
};
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
`;
