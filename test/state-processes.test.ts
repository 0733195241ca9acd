import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { openSqliteState } from "../src/state/storage/sqlite/sqlite.ts";
import { compileCache } from "./support/built-command.ts";

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemark-processes-"));
  file = join(folder, "state.db");
  return () => rm(folder, { recursive: true });
});

const sources = new URL("../src/", import.meta.url).href;

/** Answers every line on its standard input with one on its standard output. */
const program = (body: string): string => `
  import { createInterface } from "node:readline";
  import { openSqliteState } from "${sources}state/storage/sqlite/sqlite.ts";
  import { processOwner } from "${sources}state/owner.ts";
  const file = process.argv[1];
  ${body}
  console.log("ready");
  for await (const line of createInterface(process.stdin)) {
    console.log(await answer(line).catch((error) => error.code ?? String(error)));
  }`;

interface Worker {
  readonly process: ChildProcess;
  ask(question: string): Promise<string>;
}

async function startWorker(body: string): Promise<Worker> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program(body), file], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...compileCache },
  });
  const gone = once(child, "exit");
  onTestFinished(async () => {
    // The end of its input ends it, and what it has compiled is kept for the next.
    child.stdin.end();
    await gone;
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const answer = async (): Promise<string> => String((await lines.next()).value);
  expect(await answer()).toBe("ready");
  return {
    process: child,
    ask(question) {
      child.stdin.write(`${question}\n`);
      return answer();
    },
  };
}

const begins = `
  const store = await openSqliteState(file);
  async function answer(stream) {
    const run = await store.begin(
      { connector: "c", stream },
      { cursorType: "numeric_id", ifRunning: "refuse", owner: processOwner() },
    );
    return "granted " + run.epoch;
  }`;

test("P4: of two processes that begin at once, each time one is granted and one refused", async () => {
  const workers = await Promise.all([startWorker(begins), startWorker(begins)]);
  for (let round = 1; round <= 50; round++) {
    const answers = await Promise.all(workers.map((worker) => worker.ask(`stream ${round}`)));
    expect(answers.sort()).toEqual(["RUN_ACTIVE", "granted 1"]);
  }
});

test("a killed process's lease is free at once to another process", async () => {
  const first = await startWorker(begins);
  const second = await startWorker(begins);
  expect(await first.ask("s")).toBe("granted 1");
  expect(await second.ask("s")).toBe("RUN_ACTIVE");
  const gone = once(first.process, "exit");
  first.process.kill("SIGKILL");
  await gone;
  expect(await second.ask("s")).toBe("granted 2");
});

const opens = `
  async function answer(stream) {
    await using store = await openSqliteState(file);
    const run = await store.begin({ connector: "c", stream }, { cursorType: "numeric_id" });
    await store.complete(run, { newCursor: "1" });
    return "done";
  }`;

test("eight processes that open a new file at once make it once and all use it", async () => {
  const workers = await Promise.all(Array.from({ length: 8 }, () => startWorker(opens)));
  for (let round = 1; round <= 3; round++) {
    const answers = await Promise.all(workers.map((worker, n) => worker.ask(`stream ${n}`)));
    expect(answers).toEqual(workers.map(() => "done"));
    expect(await readdir(folder)).toEqual(["state.db"]);
    const store = await openSqliteState(file);
    expect(await store.verifyAudit()).toEqual({ streams: 8, rows: 8 });
    expect((await store.list()).items.map(({ epoch }) => epoch)).toEqual(workers.map(() => 1));
    await store.close();
    await rm(file);
  }
});

const advances = `
  const store = await openSqliteState(file);
  async function answer(count) {
    for (let n = 0; n < Number(count); n++) {
      const key = { connector: "c", stream: "shared" };
      const run = await store.begin(key, { cursorType: "numeric_id" });
      await store.complete(run, { newCursor: String(run.epoch) }).catch((error) => {
        if (error.code !== "RUN_SUPERSEDED") throw error;
      });
    }
    return "done";
  }`;

test("P12: processes that take one stream from one another leave an unbroken history", async () => {
  const workers = await Promise.all(Array.from({ length: 4 }, () => startWorker(advances)));
  expect(await Promise.all(workers.map((worker) => worker.ask("50")))).toEqual(workers.map(() => "done"));
  await using store = await openSqliteState(file);
  const state = await store.get({ connector: "c", stream: "shared" });
  expect(state?.epoch).toBe(200);
  const runs = (await store.runs({ connector: "c", stream: "shared" }, { limit: 1000 })).items;
  expect(runs.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 200 }, (_, n) => 200 - n));
  const completed = runs.filter(({ outcome }) => outcome === "completed");
  expect(await store.verifyAudit()).toEqual({ streams: 1, rows: completed.length });
  expect(runs.every(({ outcome }) => outcome === "completed" || outcome === "superseded")).toBe(true);
});
