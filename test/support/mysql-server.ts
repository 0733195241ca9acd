/**
 * Runs one throw-away MariaDB server for as long as whoever started this process lives. It is a
 * process of its own so that the server is stopped and its files removed however the parent ends:
 * the parent's end closes our standard input, and a killed parent closes it just as well.
 *
 * Prints one line of JSON when it is ready: `{ "url": … }` or `{ "error": … }`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.ts";
import { findMariadb } from "./mysql-programs.ts";

const password = "tidemark-test";

/** Nothing here outlives the tests, so nothing waits for a disk. The defaults are not what we want anywhere. */
const settings = [
  "--bind-address=127.0.0.1",
  "--skip-name-resolve",
  "--max-connections=300",
  "--innodb-buffer-pool-size=64M",
  "--innodb-log-file-size=32M",
  "--innodb-flush-log-at-trx-commit=0",
  "--innodb-doublewrite=0",
  "--innodb-use-native-aio=0",
  "--performance-schema=0",
  "--character-set-server=latin1",
  "--collation-server=latin1_swedish_ci",
  "--sql-mode=ANSI,PAD_CHAR_TO_FULL_LENGTH",
  "--transaction-isolation=SERIALIZABLE",
];

/** Runs a program to its end; resolves with null, or with what it said when it failed. */
function tryRun(program: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: "/", stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        said += chunk;
      });
    }
    child.on("error", (error) => resolve(String(error)));
    child.on("close", (code) => resolve(code === 0 ? null : said || `exit code ${code}`));
  });
}

/** Resolves with the running server, or with what it said when it ended before it was ready. */
function launch(program: string, args: readonly string[]): Promise<ChildProcess | string> {
  return new Promise((resolve) => {
    const server = spawn(program, args, {
      cwd: "/",
      // A zone with summer time and an odd offset, which nothing may depend on.
      env: { ...process.env, TZ: "America/St_Johns", LC_ALL: "C" },
    });
    let said = "";
    server.stderr.on("data", (chunk) => {
      if (said.length < 100_000) said += chunk;
      if (said.includes("ready for connections")) resolve(server);
    });
    server.stdout.resume();
    server.on("error", (error) => resolve(String(error)));
    server.on("exit", () => resolve(said));
  });
}

async function main(extraSettings: readonly string[]): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "tidemark-mysql-"));
  let server: ChildProcess | null = null;
  let stopping = false;
  const stop = async (code: number) => {
    if (stopping) return;
    stopping = true;
    const running = server;
    if (running !== null && running.exitCode === null && running.signalCode === null) {
      const ended = new Promise((resolve) => running.once("exit", resolve));
      // Its files go with it, so that it need not put them in order first.
      running.kill("SIGKILL");
      await ended;
    }
    await rm(scratch, { recursive: true, force: true });
    process.exit(code);
  };
  process.stdin.on("close", () => void stop(0)).on("error", () => void stop(0));
  process.stdin.resume();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stop(0));

  try {
    const programs = findMariadb();
    if (programs === null) throw new Error("no mariadbd is installed");
    const data = join(scratch, "data");
    const user = `--user=${userInfo().username}`;
    const problem = await tryRun(programs.install, [
      "--no-defaults",
      ...(process.getuid?.() === 0 ? [user] : []),
      `--datadir=${data}`,
      // Another server that starts in the folder that all share would remove this one's temporary tables.
      `--tmpdir=${scratch}`,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
      "--skip-name-resolve",
      "--innodb-log-file-size=32M",
    ]);
    if (problem !== null) throw new Error(`mariadb-install-db: ${problem}`);
    const init = join(scratch, "init.sql");
    await writeFile(
      init,
      `CREATE OR REPLACE USER 'tide mark'@'127.0.0.1' IDENTIFIED BY '${password}';\nGRANT ALL ON *.* TO 'tide mark'@'127.0.0.1' WITH GRANT OPTION;\n`,
    );
    // Another process may take the port between our asking and the server's binding it.
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      const launched = await launch(programs.server, [
        "--no-defaults",
        ...(process.getuid?.() === 0 ? [user] : []),
        `--datadir=${data}`,
        `--port=${port}`,
        `--socket=${join(scratch, "socket")}`,
        `--pid-file=${join(scratch, "pid")}`,
        `--tmpdir=${scratch}`,
        `--init-file=${init}`,
        ...settings,
        ...extraSettings,
      ]);
      if (typeof launched !== "string") {
        server = launched;
        server.once("exit", () => void stop(1));
        process.stdout.write(
          `${JSON.stringify({ url: `mysql://tide%20mark:${password}@127.0.0.1:${port}/mysql` })}\n`,
        );
        return;
      }
      if (attempt === 5) throw new Error(`mariadbd: ${launched}`);
    }
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
    await stop(1);
  }
}

/** The path of this program, for `startMysql`. */
export const serverProgram = fileURLToPath(import.meta.url);

if (process.argv[1] === serverProgram) await main(process.argv.slice(2));
