import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

/** A database server of its own, with its data in a temporary folder. */
export interface TestServer {
  /** The administrator's URL. */
  readonly url: string;
  /** Stops the server and removes its files. The end of this process does the same. */
  stop(): Promise<void>;
}

/**
 * Runs a program that runs a server: it prints `{ "url": … }` or `{ "error": … }` when it is ready, and
 * stops the server when its standard input ends. `name` is the server's, for messages.
 */
export async function startServerProcess(
  name: string,
  program: string,
  args: readonly string[],
): Promise<TestServer> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
    // Ctrl-C in a terminal reaches the whole foreground group; the server has to outlive the tests.
    detached: true,
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const answer = await new Promise<{ url?: string; error?: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the ${name} server ended early (exit code ${code})`)));
    createInterface(child.stdout).once("line", (line) => resolve(JSON.parse(line)));
  });
  if (answer.url === undefined) {
    await exited;
    throw new Error(`no ${name} server could be started: ${answer.error}`);
  }
  // A script that forgets `stop` still ends, and the server with it.
  child.unref();
  unrefStream(child.stdin);
  unrefStream(child.stdout);
  return {
    url: answer.url,
    async stop() {
      child.ref();
      child.stdin.end();
      await exited;
    },
  };
}

function unrefStream(stream: object): void {
  if ("unref" in stream && typeof stream.unref === "function") stream.unref();
}

/**
 * Offers a server to each of vitest's workers, started by the first test that asks there: by the address
 * in the environment variable, which workers inherit. Returns what ends them. Workers share none, since
 * a server's transactions hold back what is safe to read in all of its databases.
 */
export async function offerServers(
  variable: string,
  start: () => Promise<TestServer>,
): Promise<() => Promise<void>> {
  const servers = new Map<string, Promise<TestServer>>();
  const control = createServer((request, response) => {
    // A connection that is kept could end just as a worker asks on it again.
    response.setHeader("connection", "close");
    const worker = request.url ?? "/";
    const server = servers.get(worker) ?? start();
    servers.set(worker, server);
    server.then(
      ({ url }) => response.end(url),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => control.listen(0, "127.0.0.1", resolve));
  control.unref();
  const address = control.address();
  if (typeof address !== "object" || address === null) throw new Error("the control server has no port");
  process.env[variable] = `http://127.0.0.1:${address.port}`;
  return async () => {
    control.closeAllConnections();
    control.close();
    for (const server of servers.values()) await (await server.catch(() => null))?.stop();
  };
}

/** The URL of the server that is offered to this worker; under another name, to all that ask by it. */
export async function offeredServer(
  name: string,
  variable: string,
  worker = process.env.VITEST_POOL_ID,
): Promise<string> {
  const control = process.env[variable];
  if (control === undefined || worker === undefined) {
    throw new Error(`no ${name} is on offer: run this through vitest`);
  }
  const response = await fetch(`${control}/${worker}`);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

export interface TestDatabase {
  /** A URL to connect with, password included. */
  readonly url: string;
  /** Ends every connection to the database and drops it. */
  drop(): Promise<void>;
}
