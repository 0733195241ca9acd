import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "../../cli/support.ts";
import { serveProcess } from "../support.ts";

/** Replicas of the service behind one address. */
export interface Replicas {
  readonly url: string;
  /** How often one was killed. */
  readonly kills: () => number;
  /** Kills one after another at random moments, and starts each again, as long as it is to. */
  disturb(random: () => number, goesOn: () => boolean): Promise<void>;
}

/** Starts replicas, each a process of its own, on the state that a URL names. */
export async function startReplicas(state: string, count: number): Promise<Replicas> {
  const cwd = temporaryFolder();
  const start = () => serveProcess(["--state", state, "--no-auth", "--log-level", "error"], cwd);
  const living = await Promise.all(Array.from({ length: count }, start));
  const ports = new Set(living.map(({ port }) => port));
  let kills = 0;
  return {
    url: `http://127.0.0.1:${await startBalancer(ports)}`,
    kills: () => kills,
    async disturb(random, goesOn) {
      let startMs = 0;
      while (goesOn()) {
        // Where a start takes long, the replicas still live most of the time.
        await sleep(Math.max(300 + random() * 1200, startMs * 3));
        const index = Math.floor(random() * living.length);
        const victim = living[index];
        if (victim === undefined) throw new Error("no replica lives");
        victim.child.kill("SIGKILL");
        kills += 1;
        ports.delete(victim.port);
        await victim.ended;
        const from = performance.now();
        const next = await start();
        startMs = performance.now() - from;
        living[index] = next;
        ports.add(next.port);
      }
    },
  };
}

/** Hands each connection to one of the ports in turn, and breaks it when its other side goes. */
async function startBalancer(ports: ReadonlySet<number>): Promise<number> {
  const sockets = new Set<Socket>();
  let turn = 0;
  const server = createServer((client) => {
    const targets = [...ports];
    const port = targets[turn++ % targets.length];
    if (port === undefined) {
      client.destroy();
      return;
    }
    const upstream = connect(port, "127.0.0.1");
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the balancer has no port");
  return address.port;
}
