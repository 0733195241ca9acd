import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { freePort } from "./free-port.ts";

const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
const program = folders.map((folder) => join(folder, "pgbouncer")).find((file) => existsSync(file));

/** Why tests that need PgBouncer are skipped, and what to do about it; null where they run. */
export const pgbouncerMissing: string | null =
  program === undefined ? "no pgbouncer is installed; on Debian and Ubuntu: apt-get install pgbouncer" : null;

/** Puts a PgBouncer in front of a database until the test ends; returns the database's URL through it. */
export async function behindPgbouncer(
  url: string,
  mode: "session" | "transaction" | "statement",
): Promise<string> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const folder = mkdtempSync(join(tmpdir(), "tidemark-pgbouncer-"));
  const listen = await freePort();
  const database = decodeURIComponent(pathname.slice(1));
  const file = join(folder, "pgbouncer.ini");
  writeFileSync(
    file,
    `[databases]
${database} = host=${hostname} port=${port} user=${decodeURIComponent(username)} password=${decodeURIComponent(password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listen}
auth_type = any
pool_mode = ${mode}
unix_socket_dir =
`,
  );
  const identity = lentUser();
  if (identity.uid !== undefined) chownSync(folder, identity.uid, identity.gid ?? identity.uid);
  const child = spawn(program ?? "pgbouncer", ["-q", file], { ...identity, stdio: "ignore" });
  onTestFinished(async () => {
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  });
  await untilItAnswers(listen, child);
  const through = new URL(url);
  through.hostname = "127.0.0.1";
  through.port = String(listen);
  return through.href;
}

/** PgBouncer refuses to run as root, so root lends it another user of the machine. */
function lentUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const ask = (flag: string) => Number(execFileSync("id", [flag, "nobody"], { stdio: "pipe" }).toString());
  return { uid: ask("-u"), gid: ask("-g") };
}

async function untilItAnswers(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`pgbouncer ended early (exit code ${child.exitCode})`);
    const socket = connect({ host: "127.0.0.1", port });
    try {
      await once(socket, "connect");
      return;
    } catch {
      await delay(20);
    } finally {
      socket.destroy();
    }
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
