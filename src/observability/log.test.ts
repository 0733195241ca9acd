import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { TidemarkError } from "../errors.ts";
import { registerSecret } from "../secrets.ts";
import { parseTraceContext, withTraceContext } from "../trace-context.ts";
import { type LogLevel, openLog } from "./log.ts";
import { errorFields, ScheduleLog } from "./schedule-log.ts";

async function logging(level: LogLevel = "debug", pretty = false) {
  const lines: string[] = [];
  const log = await openLog({ level, pretty, write: (line) => lines.push(line) });
  return { log, lines, read: () => lines.map((line) => JSON.parse(line)) };
}

test("a line is one JSON object with its time, its level and what its log carries", async () => {
  const { log, read, lines } = await logging();
  log
    .child({ connector: "acme", stream: "events" })
    .child({ run: "r1", epoch: 3 })
    .info({ records: 2 }, "done");
  expect(read()).toEqual([
    {
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      connector: "acme",
      stream: "events",
      run: "r1",
      epoch: 3,
      records: 2,
      msg: "done",
    },
  ]);
  expect(lines[0]?.endsWith("}\n")).toBe(true);
});

test("lines below the level are not written", async () => {
  const { log, read } = await logging("warn");
  log.info({}, "no");
  log.error({}, "yes");
  expect(read().map(({ msg }) => msg)).toEqual(["yes"]);
});

test("P14: no secret is in any field, however deep, nor in an error, and lines stay JSON", async () => {
  const { log, read, lines } = await logging();
  registerSecret('quo"ted-secret');
  registerSecret("s3cret-of-log");
  const cause = new Error("refused: s3cret-of-log");
  const error = new TidemarkError("SOURCE_REFUSED", 'the source refused quo"ted-secret', { cause });
  log.error({ ...errorFields(error), err: cause, deep: { list: ["s3cret-of-log"] } }, 'with quo"ted-secret');
  log.info({ url: "http://127.0.0.1:8080/events", mail: "a@b.example" }, "no password here");
  log.info({ url: "postgres://me:hunter2@db/x" }, "one here");
  expect(lines.join("")).not.toMatch(/s3cret-of-log|ted-secret|hunter2/);
  expect(read()).toMatchObject([
    { code: "SOURCE_REFUSED", error: "the source refused [redacted]", deep: { list: ["[redacted]"] } },
    { url: "http://127.0.0.1:8080/events", mail: "a@b.example" },
    { url: "postgres://me:[redacted]@db/x" },
  ]);
});

test("lines written inside a trace name it", async () => {
  const { log, read } = await logging();
  const context = parseTraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  if (context === null) throw new Error("it is one");
  withTraceContext(context, () => log.info({}, "inside"));
  expect(read()).toMatchObject([{ trace_id: context.traceId }]);
});

test("on a terminal a line is for people, and cannot rewrite what is shown", async () => {
  const { log, lines } = await logging("info", true);
  log.child({ connector: "acme", stream: "events" }).warn({ records: 2, bad: "a\u001b[2Jb\nc" }, "done");
  const [line = ""] = lines;
  expect(stripVTControlCharacters(line)).toMatch(
    /^[\d:.]{12} {2}warn {3}acme\/events {2}done {2}records=2 {2}bad=a\\u001b\[2Jb c\n$/,
  );
});

test.each([
  [3, "ticks were missed; one run makes up for them"],
  [999, "ticks were missed; one run makes up for them"],
  [1000, "1000 or more ticks were missed; one run makes up for them"],
])("%d missed ticks are reported as far as they were counted", async (count, msg) => {
  const { log, read } = await logging();
  const schedule = { expression: "* * * * *", timezone: "UTC", jitterMs: 0 };
  const pipeline = { name: "events", key: { connector: "acme", stream: "events" }, schedule };
  new ScheduleLog(log).observe({ type: "missed", pipeline, count });
  expect(read()).toMatchObject([{ level: "warn", ticks: count, msg }]);
});
