import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSqliteState } from "../../src/state/storage/sqlite/sqlite.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import { events, sourceServer } from "../cli/source-server.ts";
import { temporaryFolder } from "../cli/support.ts";
import { holdPage, idsIn, scheduledYaml, startSchedules, toFile } from "./support.ts";

const key = { connector: "acme", stream: "events" };

/** A state in which the stream was last run so long ago that its yearly tick is made up for at the start. */
async function ranLongAgo(cwd: string): Promise<void> {
  const clock = new FakeClock("2024-06-01T00:00:00Z");
  await using state = await openSqliteState(join(cwd, "state.db"), { clock });
  await state.complete(await state.begin(key, { cursorType: "timestamp_utc" }), {});
}

const args = ["events.yaml", "--no-service", "--state", "sqlite:state.db"];

describe("a yearly run", () => {
  it.each(["SIGTERM", "SIGKILL"] as const)(
    "P1 P8: that %s cut short is made up for as soon as a process is there again",
    async (signal) => {
      const cwd = temporaryFolder();
      await ranLongAgo(cwd);
      const source = await sourceServer(events(5));
      const asked = holdPage(source, 2);
      const yaml = scheduledYaml("events", source.endpoint, toFile("events"), "@yearly");
      writeFileSync(join(cwd, "events.yaml"), yaml.replace("  retry:", "  timeoutMs: 600000\n  retry:"));
      const first = startSchedules(cwd, args);
      await asked;
      await expect.poll(() => idsIn(cwd, "events")).toEqual([1, 2]);
      first.child.kill(signal);
      await first.ended;
      const next = startSchedules(cwd, args);
      await next.line({ msg: "run completed" });
      next.child.kill("SIGTERM");
      expect((await next.ended).code).toBe(0);
      expect(idsIn(cwd, "events")).toEqual([1, 2, 3, 4, 5]);
    },
  );

  it("that its source refused is made once its file is fixed, in the next process too", async () => {
    const cwd = temporaryFolder();
    await ranLongAgo(cwd);
    const source = await sourceServer(events(1));
    let refusals = 0;
    source.intercept = (request, response) => {
      if (request.headers.authorization === "Bearer right-token") return false;
      refusals += 1;
      response.writeHead(401).end();
      return true;
    };
    const file = join(cwd, "events.yaml");
    const yaml = scheduledYaml("events", source.endpoint, toFile("events"), "@yearly");
    const withToken = (token: string): string =>
      yaml.replace("  dataField", `  authentication: { type: bearer, token: ${token} }\n  dataField`);
    writeFileSync(file, withToken("wrong-token"));
    const first = startSchedules(cwd, args);
    await first.line({ msg: "run failed", code: "SOURCE_REFUSED" });
    first.child.kill("SIGTERM");
    await first.ended;
    const second = startSchedules(cwd, args);
    await second.line({ msg: "started" });
    second.child.kill("SIGTERM");
    await second.ended;
    expect(refusals).toBe(1);
    writeFileSync(file, withToken("right-token"));
    const third = startSchedules(cwd, args);
    await third.line({ msg: "run completed", records_written: 1 });
    third.child.kill("SIGTERM");
    await third.ended;
  });
});

it("a source that asks to be left alone for an hour is asked once, and the wait is in the log as it begins", async () => {
  const cwd = temporaryFolder();
  await ranLongAgo(cwd);
  const source = await sourceServer(events(1));
  let requests = 0;
  source.intercept = (_, response) => {
    requests += 1;
    response.writeHead(429, { "retry-after": "3600" }).end();
    return true;
  };
  writeFileSync(
    join(cwd, "events.yaml"),
    scheduledYaml("events", source.endpoint, toFile("events"), "@yearly"),
  );
  const running = startSchedules(cwd, args);
  const { at, time } = await running.line({ msg: "trying again", failures: 1 });
  expect(Date.parse(String(at)) - Date.parse(String(time))).toBeGreaterThanOrEqual(3_590_000);
  running.child.kill("SIGTERM");
  await running.ended;
  expect(requests).toBe(1);
});

it("a run that waits within its limit says so as the wait begins", async () => {
  const cwd = temporaryFolder();
  await ranLongAgo(cwd);
  const source = await sourceServer(events(1));
  source.intercept = (_, response) => {
    response.writeHead(429, { "retry-after": "60" }).end("slow down");
    return true;
  };
  const yaml = scheduledYaml("events", source.endpoint, toFile("events"), "@yearly");
  writeFileSync(join(cwd, "events.yaml"), yaml.replace("attempts: 1", "attempts: 3"));
  const running = startSchedules(cwd, args);
  const line = await running.line({ msg: /^waiting/, seconds: 60 });
  expect(line.for).toContain("status 429");
  running.child.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
});

const faketime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

it.runIf(existsSync(faketime))(
  "a clock that is set back by two hours under a process makes no silence",
  async () => {
    const cwd = temporaryFolder();
    const source = await sourceServer(events(1));
    writeFileSync(
      join(cwd, "events.yaml"),
      scheduledYaml("events", source.endpoint, toFile("events"), "*/2 * * * * *"),
    );
    const clock = join(cwd, "clock");
    writeFileSync(clock, "+2h");
    const running = startSchedules(cwd, ["events.yaml", "--no-service", "--metrics-port", "0"], {
      LD_PRELOAD: faketime,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      FAKETIME_FORCE_MONOTONIC_FIX: "0",
    });
    const { metrics } = await running.line({ msg: "started" });
    await running.line({ msg: "run completed" });
    writeFileSync(clock, "+0h");
    const now = Date.now();
    await expect
      .poll(() => running.lines.some(({ msg, time }) => msg === "run begun" && isNear(time, now)), {
        timeout: 60_000,
      })
      .toBe(true);
    const scraped = await (await fetch(String(metrics))).text();
    expect(scraped).toMatch(/^tidemark_seconds_since_last_success\S+ \d/m);
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
  },
  90_000,
);

function isNear(time: unknown, now: number): boolean {
  return Math.abs(Date.parse(String(time)) - now) < 90_000;
}

describe("a start that is refused", () => {
  it("ends with 2 where a state is of a newer version, so that a supervisor does not start it again", async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "events.yaml"), scheduledYaml("events", "http://127.0.0.1:9/", toFile("events")));
    await ranLongAgo(cwd);
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(join(cwd, "state.db"));
    database.exec("UPDATE tidemark_schema SET version = version + 1");
    database.close();
    const before = readFileSync(join(cwd, "state.db"));
    const { code, stderr } = await startSchedules(cwd, args).ended;
    expect(stderr).toContain("STATE_TOO_NEW");
    expect(code).toBe(2);
    expect(readFileSync(join(cwd, "state.db")).equals(before)).toBe(true);
  });

  it("ends with 1 where the state is only away, and with 2 for a flag that is not known", async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "events.yaml"), scheduledYaml("events", "http://127.0.0.1:9/", toFile("events")));
    const away = ["events.yaml", "--no-service", "--state", "postgres://tidemark@127.0.0.1:9/none"];
    expect((await startSchedules(cwd, away).ended).code).toBe(1);
    expect((await startSchedules(cwd, ["events.yaml", "--no-such-flag"]).ended).code).toBe(2);
  });
});
