import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSqliteState } from "../../src/state/storage/sqlite/sqlite.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import { events, sourceServer } from "../cli/source-server.ts";
import { execute, jsonOf, root, temporaryFolder } from "../cli/support.ts";
import { builtCommand } from "../support/built-command.ts";
import { idsIn, scheduledYaml, startSchedules, toFile } from "./support.ts";

describe("schedules", () => {
  it("run a pipeline again and again, and each run takes what is new", async () => {
    const cwd = temporaryFolder();
    const source = await sourceServer(events(3));
    writeFileSync(join(cwd, "events.yaml"), scheduledYaml("events", source.endpoint, toFile("events")));
    const running = startSchedules(cwd, ["events.yaml", "--no-service"]);
    const first = await running.line({ msg: "run completed", records_written: 3 });
    expect(first).toMatchObject({
      level: "info",
      connector: "acme",
      stream: "events",
      run: expect.stringMatching(/^[\w-]{36}$/),
      epoch: 1,
      new_cursor: "2026-01-01T00:03:00Z",
    });
    source.events.push(...events(2, 4));
    await running.line({ msg: "run completed", records_written: 2 });
    running.child.kill("SIGTERM");
    const ended = await running.ended;
    expect(ended).toMatchObject({ code: 0, signal: null, stdout: "" });
    expect(running.lines.at(-1)).toMatchObject({ msg: "stopped" });
    expect(idsIn(cwd, "events")).toEqual([1, 2, 3, 4, 5]);
    const ofRuns = running.lines.filter(({ msg }) => String(msg).startsWith("run "));
    for (const line of ofRuns)
      expect(line).toMatchObject({ connector: "acme", stream: "events", run: expect.any(String) });
  });

  it.each([
    // Through the launcher, which the command must have replaced for the signal to reach it.
    ["SIGTERM", [join(root, "bin/tidemark")]],
    ["SIGINT", builtCommand],
  ] as const)(
    "P8: %s lets a run stop at its next checkpoint, and the next process goes on from there",
    async (signal, command) => {
      const cwd = temporaryFolder();
      const source = await sourceServer(events(5));
      const held: ServerResponse[] = [];
      const asked = Promise.withResolvers<void>();
      source.intercept = (_, response, url) => {
        if (url.searchParams.get("page") !== "2") return false;
        held.push(response);
        asked.resolve();
        return true;
      };
      writeFileSync(join(cwd, "events.yaml"), scheduledYaml("events", source.endpoint, toFile("events")));
      const running = startSchedules(cwd, ["events.yaml", "--no-service"], {}, command);
      await asked.promise;
      running.child.kill(signal);
      expect((await running.ended).code).toBe(0);
      await running.line({ msg: "run stopped at its last checkpoint", records_written: 2 });
      expect(idsIn(cwd, "events")).toEqual([1, 2]);

      source.intercept = () => false;
      for (const response of held) response.destroy();
      const next = startSchedules(cwd, ["events.yaml", "--no-service"]);
      await next.line({ msg: "run completed", lower_bound: "2026-01-01T00:02:00Z", records_written: 3 });
      next.child.kill("SIGTERM");
      await next.ended;
      expect(idsIn(cwd, "events")).toEqual([1, 2, 3, 4, 5]);
    },
  );

  it("cut a run off that does not stop, once it has had its time, and at once when asked twice", async () => {
    const source = await sourceServer(events(5));
    const stuck = "filters: [{ type: script, path: ./stuck.ts }]\noutput:";
    const script = "export default () => { console.error('stuck'); return new Promise(() => {}); };\n";
    const yaml = scheduledYaml("events", source.endpoint, toFile("events")).replace("output:", stuck);
    const begin = async (...args: string[]) => {
      const cwd = temporaryFolder();
      writeFileSync(join(cwd, "events.yaml"), yaml);
      writeFileSync(join(cwd, "stuck.ts"), script);
      const running = startSchedules(cwd, ["events.yaml", "--no-service", ...args]);
      await running.stderrHolds("stuck");
      running.child.kill("SIGTERM");
      await running.line({ msg: "draining", running: 1 });
      return running;
    };
    const late = await begin("--drain-seconds", "0");
    expect((await late.ended).code).toBe(1);
    await late.line({ level: "error", msg: /^runs were cut off/ });

    const twice = await begin("--drain-seconds", "1000");
    twice.child.kill("SIGTERM");
    expect((await twice.ended).code).toBe(143);
  });

  it("of a pipeline that fails touch no other", async () => {
    const cwd = temporaryFolder();
    const [good, bad] = [await sourceServer(events(1)), await sourceServer(events(1))];
    bad.intercept = (_, response) => {
      response.writeHead(403).end("no: s3cret-token-of-mine");
      return true;
    };
    writeFileSync(join(cwd, "good.yaml"), scheduledYaml("good", good.endpoint, toFile("good")));
    const headers = "  headers: { authorization: 'Bearer ${TOKEN}' }\n  dataField";
    const secret = scheduledYaml("bad", bad.endpoint, toFile("bad")).replace("  dataField", headers);
    writeFileSync(join(cwd, "bad.yaml"), secret);
    const running = startSchedules(cwd, [".", "--no-service"], { TOKEN: "s3cret-token-of-mine" });
    const failed = await running.line({ stream: "bad", msg: "run failed" });
    expect(failed).toMatchObject({
      level: "error",
      code: "SOURCE_REFUSED",
      recoverable: false,
      hint: expect.any(String),
    });
    good.events.push(...events(1, 2));
    await running.line({ stream: "good", msg: "run completed", lower_bound: "2026-01-01T00:02:00Z" });
    running.child.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    expect(code).toBe(0);
    expect(stderr).not.toContain("s3cret");
    expect(idsIn(cwd, "good")).toEqual([1, 2]);
  });

  it("try a run again whose source was away, before its next tick", async () => {
    const cwd = temporaryFolder();
    const source = await sourceServer(events(1));
    let away = true;
    source.intercept = (_, response) => {
      if (!away) return false;
      away = false;
      response.writeHead(503).end();
      return true;
    };
    const yaml = scheduledYaml("events", source.endpoint, toFile("events"), "@yearly");
    writeFileSync(join(cwd, "events.yaml"), yaml);
    // The last run is long ago, so that it is made up at once; the next tick is far.
    await using state = await openSqliteState(join(cwd, "state.db"), {
      clock: new FakeClock("2024-06-01T00:00:00Z"),
    });
    const key = { connector: "acme", stream: "events" };
    await state.complete(await state.begin(key, { cursorType: "timestamp_utc" }), {});
    const running = startSchedules(cwd, ["events.yaml", "--no-service", "--state", "sqlite:state.db"]);
    await running.line({ msg: "ticks were missed; one run makes up for them" });
    await running.line({ msg: "trying again", failures: 1 });
    await running.line({ msg: "run completed", records_written: 1 });
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
  });

  it("print on stdout, with --json, one JSON value and nothing else", async () => {
    const cwd = temporaryFolder();
    const source = await sourceServer(events(1));
    writeFileSync(join(cwd, "events.yaml"), scheduledYaml("events", source.endpoint, "{ type: console }"));
    const running = startSchedules(cwd, ["events.yaml", "--no-service", "--json"]);
    await running.line({ msg: "run completed" });
    running.child.kill("SIGTERM");
    expect(jsonOf(await running.ended)).toEqual({
      url: null,
      port: null,
      metrics_url: null,
      admin_key_file: null,
      pipelines: [
        {
          pipeline: "events",
          connector: "acme",
          stream: "events",
          file: "events.yaml",
          schedule: "* * * * * *",
          timezone: "UTC",
          jitter_ms: 0,
        },
      ],
    });
  });
});

describe("pipeline files, while schedules run,", () => {
  it("are taken up when they change, come and go; errors leave what ran before", async () => {
    const cwd = temporaryFolder();
    const [source, other] = [await sourceServer(events(1)), await sourceServer(events(1, 9))];
    const file = join(cwd, "pipelines-a.yaml");
    writeFileSync(file, scheduledYaml("a", source.endpoint, toFile("a")));
    const running = startSchedules(cwd, [".", "--no-service"]);
    await running.line({ stream: "a", msg: "run completed", records_written: 1 });

    writeFileSync(
      file,
      scheduledYaml("a", source.endpoint, toFile("a")).replace("* * * * * *", "* 99 * * * *"),
    );
    const mistake = await running.line({ level: "error", code: "VALUE_INVALID" });
    expect(mistake).toMatchObject({
      where: "pipelines-a.yaml:5:16",
      msg: "`input.schedule`: `99` cannot be the minute, which is 0 to 59",
    });
    source.events.push(...events(1, 2));
    await running.line({ stream: "a", msg: "run completed", new_cursor: "2026-01-01T00:02:00Z" });

    writeFileSync(file, scheduledYaml("a", other.endpoint, toFile("a")));
    await running.line({ file: "pipelines-a.yaml", msg: "pipeline file changed" });
    await running.line({ stream: "a", msg: "run completed", new_cursor: "2026-01-01T00:09:00Z" });

    writeFileSync(join(cwd, "b.yaml"), scheduledYaml("b", source.endpoint, toFile("b")));
    await running.line({ file: "b.yaml", msg: "pipeline file added" });
    await running.line({ stream: "b", msg: "run completed", records_written: 2 });

    writeFileSync(join(cwd, "c.yaml"), scheduledYaml("b", other.endpoint, toFile("c")));
    await running.line({ level: "error", code: "CONFIG_INCOHERENT", where: /^c.yaml:/ });

    rmSync(join(cwd, "b.yaml"));
    await running.line({ file: "b.yaml", msg: "pipeline file removed" });
    // The stream is free now, and the file that was refused is taken up.
    await running.line({ file: "c.yaml", msg: "pipeline file changed" });
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
    expect(idsIn(cwd, "a")).toEqual([1, 2, 9]);
    expect(readFileSync(join(cwd, "b.jsonl"), "utf8").trim().split("\n")).toHaveLength(2);
  });
});

describe("what cannot be started", () => {
  it.each([
    ["a path that leads nowhere", ["nowhere.yaml"], "PIPELINE_NOT_FOUND", "nowhere.yaml"],
    ["a named file with an error", ["wrong.yaml"], "PIPELINE_INVALID", "wrong.yaml:5:14 VALUE_INVALID"],
    [
      "a named file without a schedule",
      ["idle.yaml"],
      "CONFIG_INCOHERENT",
      "the pipeline idle has no `input.schedule`",
    ],
    ["a folder with nothing to run", ["idle"], "CONFIG_INCOHERENT", "no pipeline with a schedule is in idle"],
    ["two files of one stream", ["a.yaml", "b.yaml"], "PIPELINE_INVALID", "b.yaml:2:1 CONFIG_INCOHERENT"],
  ])("%s", async (_, args, code, message) => {
    const cwd = temporaryFolder();
    const endpoint = "http://127.0.0.1:9/events";
    const idle = scheduledYaml("idle", endpoint, toFile("idle")).replace(/ {2}schedule.*\n/, "");
    writeFileSync(join(cwd, "wrong.yaml"), scheduledYaml("wrong", endpoint, toFile("w"), "never"));
    writeFileSync(join(cwd, "idle.yaml"), idle);
    mkdirSync(join(cwd, "idle"));
    writeFileSync(join(cwd, "idle/idle.yaml"), idle);
    for (const name of ["a", "b"])
      writeFileSync(join(cwd, `${name}.yaml`), scheduledYaml("same", endpoint, toFile(name)));
    const ended = await execute(["start", ...args, "--no-service"], { cwd });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(`error ${code}`);
    expect(ended.stderr).toContain(message);
  });
});
