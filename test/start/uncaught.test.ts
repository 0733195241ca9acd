import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { events, sourceServer } from "../cli/source-server.ts";
import { root, temporaryFolder } from "../cli/support.ts";
import { idsIn, type Running, scheduledYaml, startSchedules, toFile } from "./support.ts";

const index = pathToFileURL(join(root, "src/index.ts")).href;

/** `start` with a pipeline that is well, and one whose script is given. */
async function startBeside(script: string): Promise<{ cwd: string; running: Running }> {
  const cwd = temporaryFolder();
  const source = await sourceServer(events(1));
  const filter = "filters: [{ type: script, path: ./s.mjs }]\noutput:";
  writeFileSync(join(cwd, "s.mjs"), script);
  writeFileSync(join(cwd, "good.yaml"), scheduledYaml("good", source.endpoint, toFile("good")));
  const bad = scheduledYaml("bad", source.endpoint, toFile("bad")).replace("output:", filter);
  writeFileSync(join(cwd, "bad.yaml"), bad);
  return { cwd, running: startSchedules(cwd, ["good.yaml", "bad.yaml", "--no-service"]) };
}

/** The pipeline that is well goes on running, and the process drains as asked. */
async function goesOn(running: Running): Promise<void> {
  const before = running.lines.length;
  await running.line({ msg: "run completed", stream: "good" });
  const later = async (): Promise<void> => {
    while (
      !running.lines.slice(before).some(({ msg, stream }) => msg === "run completed" && stream === "good")
    )
      await new Promise((resolve) => running.child.stderr?.once("data", resolve));
  };
  await later();
  running.child.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
}

describe("errors of a pipeline's code that reach nobody", () => {
  it.each([
    [
      "a promise that is left alone",
      "export default (record) => {\n  Promise.reject(new Error('forgotten'));\n  return record;\n};\n",
      "pipeline bad: script ./s.mjs: a promise that nothing waited for was rejected: forgotten",
      /s\.mjs:2:\d+$/,
    ],
    [
      "a throw in a timer, with the script's own promise never kept",
      "export default () => new Promise(() => {\n  setTimeout(() => {\n    throw new Error('late');\n  }, 5);\n});\n",
      "pipeline bad: script ./s.mjs: it threw when nothing waited for it: late",
      /s\.mjs:3:\d+$/,
    ],
    [
      "an emitter's error without a listener",
      "import { EventEmitter } from 'node:events';\nexport default () => new Promise(() => {\n  const socket = new EventEmitter();\n  setImmediate(() => socket.emit('error', new Error('gone')));\n});\n",
      "pipeline bad: script ./s.mjs: it threw when nothing waited for it: gone",
      /s\.mjs:4:\d+$/,
    ],
    [
      "process.exit()",
      "export default () => {\n  process.exit(0);\n};\n",
      "script ./s.mjs: record 1 of the batch (id 1): script ./s.mjs called process.exit()",
      /s\.mjs:2:\d+$/,
    ],
  ])("%s: its own run fails, with script and line, and the others live", async (_, script, error, where) => {
    const { cwd, running } = await startBeside(script);
    const line = await running.line({ msg: "run failed", stream: "bad" });
    expect(line).toMatchObject({ code: "FILTER_FAILED", error, records_written: 0 });
    expect(line.where).toMatch(where);
    await goesOn(running);
    expect(idsIn(cwd, "bad")).toEqual([]);
    expect(idsIn(cwd, "good")).toEqual([1]);
  });

  it("a throw that comes when the run is over is reported with pipeline, script and line", async () => {
    const script =
      "export default (record) => {\n  setTimeout(() => { throw new Error('much later'); }, 300);\n  return record;\n};\n";
    const { running } = await startBeside(script);
    const line = await running.line({ level: "error", pipeline: "bad" });
    expect(line).toMatchObject({
      error: "pipeline bad: script ./s.mjs: it threw when nothing waited for it: much later",
      where: expect.stringMatching(/s\.mjs:2:\d+$/),
    });
    await goesOn(running);
  });

  it("errors of a file as it is loaded name the file, and its timers of the pipeline that uses it", async () => {
    const script =
      "Promise.reject(new Error('at load'));\nsetInterval(() => { throw new Error('tick'); }, 50).unref();\nexport default (record) => record;\n";
    const { running } = await startBeside(script);
    await running.line({ level: "error", error: /script .*s\.mjs: .*: at load$/ });
    await running.line({ level: "error", error: /^pipeline bad: script .*: tick$/ });
    await goesOn(running);
  });

  it("a connector's uncaught errors fail its own run, also where it waits for ever", async () => {
    const cwd = temporaryFolder();
    const source = await sourceServer(events(1));
    writeFileSync(join(cwd, "good.yaml"), scheduledYaml("good", source.endpoint, toFile("good")));
    writeFileSync(
      join(cwd, "c.mjs"),
      `import { defineConnector } from ${JSON.stringify(index)};
export default defineConnector({
  id: "mine",
  async *sync() {
    yield { record: { id: 1 } };
    setTimeout(() => { throw new Error("socket died"); }, 5);
    await new Promise(() => {});
  },
});
`,
    );
    writeFileSync(
      join(cwd, "bad.yaml"),
      `name: bad\ninput: { type: module, path: ./c.mjs, schedule: "* * * * * *" }\noutput: ${toFile("bad")}\n`,
    );
    const running = startSchedules(cwd, ["good.yaml", "bad.yaml", "--no-service"]);
    const line = await running.line({ msg: "run failed", connector: "bad" });
    expect(line).toMatchObject({
      code: "CONNECTOR_FAILED",
      error: "pipeline bad: the connector mine: it threw when nothing waited for it: socket died",
      where: expect.stringMatching(/c\.mjs:6:\d+$/),
    });
    await goesOn(running);
  });
});

describe("errors of nobody's code", () => {
  /** `start` in a process in which something else goes wrong on SIGUSR2. */
  async function startWith(accident: string): Promise<Running> {
    const cwd = temporaryFolder();
    const source = await sourceServer(events(1));
    writeFileSync(join(cwd, "good.yaml"), scheduledYaml("good", source.endpoint, toFile("good")));
    writeFileSync(join(cwd, "accident.mjs"), `process.on("SIGUSR2", () => { ${accident} });\n`);
    const preload = pathToFileURL(join(cwd, "accident.mjs")).href;
    const running = startSchedules(cwd, ["good.yaml", "--no-service"], {
      NODE_OPTIONS: `--import=${preload}`,
    });
    await running.line({ msg: "run completed", stream: "good" });
    running.child.kill("SIGUSR2");
    return running;
  }

  it.each([
    ["a rejected promise", "Promise.reject(new Error('odd'));", "odd"],
    [
      "a broken connection without a listener",
      "throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });",
      "read ECONNRESET",
    ],
  ])("%s is logged, and all goes on", async (_, accident, error) => {
    const running = await startWith(accident);
    await running.line({ level: "error", error, msg: "an error reached nobody; all goes on" });
    await goesOn(running);
  });

  it("P8: any other exception drains the process, since what it interrupted may not be whole, and ends it with 1", async () => {
    const running = await startWith("throw new TypeError('odd');");
    await running.line({ level: "error", error: "odd", code: "INTERNAL" });
    await running.line({ msg: "stopped" });
    expect((await running.ended).code).toBe(1);
  });
});
