import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { openState, type StateStore } from "../src/index.ts";
import { createDatabase, startPostgres } from "../test/support/postgres.ts";
import { alternate, median, pairedRatio, type Row, withFolder } from "./parts/measure.ts";

const clients = 16;
const command = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

interface Speed {
  /** Begins and completes a second, all clients together. */
  readonly requestsPerSecond: number;
  /** Of begin + complete, in milliseconds. */
  readonly median: number;
  readonly p99: number;
}

/** begin + complete through the service, against the same backend called directly. */
export async function serviceRows(times: number, pairs: number): Promise<Row[]> {
  const sqlite = await withFolder((folder) =>
    throughService("SQLite", times, pairs, async (name) => `sqlite:${join(folder, `${name}.db`)}`),
  );
  const server = await startPostgres(["fsync=on", "synchronous_commit=on"]);
  try {
    const database = async (): Promise<string> => (await createDatabase(server.url)).url;
    return [sqlite, await throughService("PostgreSQL", times, pairs, database)];
  } finally {
    await server.stop();
  }
}

/** Both have a state of their own in the same backend, and the service is a process of its own. */
async function throughService(
  backend: string,
  times: number,
  pairs: number,
  newState: (name: string) => Promise<string>,
): Promise<Row> {
  await using direct = await openState(await newState("direct"));
  return await withService(await newState("served"), async (url) => {
    await using remote = await openState(url);
    for (const state of [direct, remote]) await load(state, Math.ceil(pairs / 4));
    const { a, b } = await alternate(
      times,
      () => load(remote, pairs),
      () => load(direct, pairs),
    );
    const ratio = pairedRatio(
      a.map((speed) => speed.requestsPerSecond),
      b.map((speed) => speed.requestsPerSecond),
    );
    return {
      what: `begin + complete through the service on ${backend} against ${backend} itself, ${clients} clients`,
      budget: "–",
      measured: `${ratio.toFixed(2)} of its requests/s (${describeSpeeds(a)} against ${describeSpeeds(b)})`,
      ok: true,
      details: { ratio, service: a, direct: b },
    };
  });
}

function describeSpeeds(speeds: readonly Speed[]): string {
  const perSecond = Math.round(median(speeds.map((speed) => speed.requestsPerSecond)));
  const p99 = median(speeds.map((speed) => speed.p99)).toFixed(1);
  return `${perSecond.toLocaleString("en-US")}/s, p99 ${p99} ms a pair`;
}

/** Lets the clients begin and complete runs, each of a stream of its own, one after another. */
async function load(state: StateStore, pairs: number): Promise<Speed> {
  const took: number[] = [];
  const startedAt = performance.now();
  const work = async (_: unknown, client: number): Promise<void> => {
    const key = { connector: "acme", stream: `stream ${client}` };
    for (let pair = 0; pair < pairs / clients; pair++) {
      const from = performance.now();
      const run = await state.begin(key, { cursorType: "numeric_id" });
      await state.complete(run, { newCursor: String(run.epoch) });
      took.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: clients }, work));
  const seconds = (performance.now() - startedAt) / 1000;
  const sorted = took.sort((x, y) => x - y);
  return {
    requestsPerSecond: (2 * took.length) / seconds,
    median: median(sorted),
    p99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
  };
}

/** Starts the command's service on a state, calls `use` with its address, and stops it. */
async function withService<T>(state: string, use: (url: string) => Promise<T>): Promise<T> {
  const args = ["serve", "--state", state, "--port", "0", "--no-auth", "--json", "--log-level", "warn"];
  const child = spawn(process.execPath, [command, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  try {
    const line = await new Promise<string>((resolve, reject) => {
      createInterface(child.stdout).once("line", resolve);
      child.once("exit", (code) => reject(new Error(`the service ended with ${code}`)));
    });
    return await use(String(JSON.parse(line).url));
  } finally {
    child.kill();
    await gone;
  }
}
