import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openState, type StateStore } from "../src/index.ts";

/**
 * Opens thousands of connections to the service that ask one thing and are idle from then on, several
 * times over, and shows how long other requests take meanwhile and how much memory the service has before,
 * meanwhile and after. Ends with 1 where a connection was lost, a request failed, or more live memory stays
 * from round to round.
 *
 *     node scripts/idle-connections.ts [--connections 10000] [--rounds 3] [--seconds 10]
 *
 * Each end needs as many open files as there are connections (`ulimit -n`).
 */
const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "10000" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "10" },
  },
});
const [connections, rounds, seconds] = [
  Number(values.connections),
  Number(values.rounds),
  Number(values.seconds),
];
const root = fileURLToPath(new URL("..", import.meta.url));
const mebibyte = 1024 * 1024;
/** What two rounds may differ by without anything being kept: compiled code, caches of the pools. */
const mostGrowthMib = 4;

/** A little less than the 65 s for which the service keeps idle connections: who goes later is not lost. */
const keptMs = 60_000;
/** Those of this round that the service closed sooner. */
const early = new Set<Socket>();

const folder = mkdtempSync(join(tmpdir(), "tidemark-idle-"));
const service = await startService();
try {
  await using state = await openState(service.url);
  await load(state, 2);
  const lines = [line("before", await load(state, seconds), await memoryOf(service))];
  const kept: number[] = [];
  let lost = 0;
  for (let round = 1; round <= rounds; round++) {
    const from = performance.now();
    const sockets = await openIdle(round);
    const tookMs = performance.now() - from;
    const meanwhile = await load(state, seconds);
    lines.push(
      line(
        `${connections} idle, opened in ${(tookMs / 1000).toFixed(1)} s`,
        meanwhile,
        await memoryOf(service),
      ),
    );
    const open = sockets.filter(({ destroyed }) => !destroyed);
    if (open.length < connections) console.log(`round ${round}: ${open.length} were open to the end`);
    lost += early.size;
    await closed(open);
    early.clear();
    const after = await memoryOf(service);
    kept.push(after.live);
    lines.push(line(`closed, round ${round}`, await load(state, seconds), after));
  }
  console.table(Object.assign({}, ...lines));
  const growth = ((kept.at(-1) ?? 0) - (kept[0] ?? 0)) / Math.max(1, rounds - 1) / mebibyte;
  console.log(`${lost} connections lost; live memory grew ${growth.toFixed(2)} MiB a round after the first`);
  process.exitCode = lost === 0 && growth <= mostGrowthMib ? 0 : 1;
} finally {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Many at a time, each with one answer behind it. */
async function openIdle(round: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const atOnce = 500;
  while (sockets.length < connections) {
    const count = Math.min(atOnce, connections - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: count }, () => idleSocket(round)))));
  }
  return sockets;
}

function idleSocket(round: number): Promise<Socket> {
  // Addresses of their own, since ports of connections that were just closed are not had again at once.
  const own = process.platform === "linux" ? { localAddress: `127.0.${round % 250}.2` } : {};
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: service.port, ...own });
    socket.on("error", reject);
    socket.once("data", () => {
      const from = performance.now();
      socket.once("end", () => {
        if (performance.now() - from < keptMs) early.add(socket);
      });
      resolve(socket);
    });
    socket.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  });
}

async function closed(sockets: readonly Socket[]): Promise<void> {
  const gone = sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
  for (const socket of sockets) socket.end().resume();
  await Promise.all(gone);
}

interface Latency {
  readonly requests: number;
  readonly median: number;
  readonly p99: number;
  readonly most: number;
}

/** Begins and completes runs, one request after another, for so long. */
async function load(state: StateStore, forSeconds: number): Promise<Latency> {
  const took: number[] = [];
  const key = { connector: "idle", stream: "probe" };
  const timed = async <T>(call: () => Promise<T>): Promise<T> => {
    const from = performance.now();
    const answer = await call();
    took.push(performance.now() - from);
    return answer;
  };
  const until = performance.now() + forSeconds * 1000;
  while (performance.now() < until) {
    const run = await timed(() => state.begin(key, { cursorType: "numeric_id" }));
    await timed(() => state.complete(run, { newCursor: String(run.epoch) }));
    await sleep(1);
  }
  const sorted = took.sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN;
  return { requests: sorted.length, median: at(0.5), p99: at(0.99), most: at(1) };
}

interface Memory {
  /** What is left once all that nobody holds is collected: the heap and what lies outside of it. */
  readonly live: number;
  readonly resident: number;
}

async function memoryOf({ url, collect }: RunningService): Promise<Memory> {
  await collect();
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  const live = value("nodejs_heap_size_used_bytes") + value("nodejs_external_memory_bytes");
  return { live, resident: value("process_resident_memory_bytes") };
}

function line(name: string, latency: Latency, memory: Memory): Record<string, object> {
  const rounded = (milliseconds: number): number => Math.round(milliseconds * 100) / 100;
  const mib = (bytes: number): number => Math.round((bytes / mebibyte) * 10) / 10;
  return {
    [name]: {
      requests: latency.requests,
      "median ms": rounded(latency.median),
      "p99 ms": rounded(latency.p99),
      "max ms": rounded(latency.most),
      "live MiB": mib(memory.live),
      "resident MiB": mib(memory.resident),
    },
  };
}

interface RunningService {
  readonly url: string;
  readonly port: number;
  /** Has everything collected that nobody holds any more. */
  collect(): Promise<void>;
  stop(): Promise<void>;
}

async function startService(): Promise<RunningService> {
  const args = ["serve", "--state", "sqlite:state.db", "--port", "0", "--no-auth", "--json"];
  const command = ["--inspect=127.0.0.1:0", join(root, "src/cli/main.ts"), ...args, "--log-level", "error"];
  const child = spawn(process.execPath, command, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const endedEarly = new Promise<never>((_, reject) =>
    child.once("exit", (code) => reject(new Error(`the service ended with ${code}`))),
  );
  endedEarly.catch(() => {});
  const inspector = new Promise<string>((resolve) => {
    createInterface(child.stderr).on("line", (text) => {
      const address = /^Debugger listening on (ws:\S+)$/.exec(text)?.[1];
      if (address !== undefined) resolve(address);
      else if (!/^(?:Debugger |For help, see)/.test(text)) console.error(text);
    });
  });
  const firstLine = new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve));
  const { url, port } = JSON.parse(await Promise.race([firstLine, endedEarly]));
  const address = await Promise.race([inspector, endedEarly]);
  return {
    url,
    port,
    collect: () => collectGarbage(address),
    async stop() {
      child.kill("SIGTERM");
      await gone;
    },
  };
}

async function collectGarbage(address: string): Promise<void> {
  const socket = new WebSocket(address);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", reject, { once: true });
  });
  // Twice, and a moment between: sockets are let go of by callbacks that the first collection makes due.
  for (const id of [1, 2]) {
    const answered = new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }));
    socket.send(JSON.stringify({ id, method: "HeapProfiler.collectGarbage" }));
    await answered;
    await sleep(500);
  }
  socket.close();
}
