import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createDatabase, startPostgres } from "../test/support/postgres.ts";

/**
 * Lets schemathesis ask the service whatever its OpenAPI document allows, and what it does not: by the
 * document's examples, by every bound of its schemas, at random, and in sequences. The service is a
 * process of its own, on a state that is made for it. Needs Python 3.10 or newer, and the network the
 * first time. Ends with 1 where an answer is not as the document says, or the service did not last.
 *
 *     node scripts/schemathesis.ts [--postgres] [--seconds 180] [--seed 1]
 */
const version = "4.32.5";
const root = fileURLToPath(new URL("..", import.meta.url));

const { values } = parseArgs({
  options: {
    postgres: { type: "boolean", default: false },
    seconds: { type: "string", default: "180" },
    seed: { type: "string" },
  },
});

/**
 * What holds for no service that keeps state: that whatever fits the schemas is accepted. A completion
 * of a run that is over, or a lower cursor, is refused, and how it is refused is checked all the same.
 */
const unfit = "positive_data_acceptance";

/** It would end the very key that the requests are made with. */
const left = "revokeKey";

const folder = mkdtempSync(join(tmpdir(), "tidemark-schemathesis-"));
const server = values.postgres ? await startPostgres() : null;
try {
  const program = installed();
  const state = server === null ? "sqlite:state.db" : (await createDatabase(server.url)).url;
  const service = await startService(state);
  const key = readFileSync(join(folder, "admin.key"), "utf8").trim();
  // The key is read from the environment, since command lines are seen by all.
  writeFileSync(join(folder, "schemathesis.toml"), '[headers]\nAuthorization = "Bearer ${TIDEMARK_KEY}"\n');
  const code = await ended(
    spawn(
      program,
      ["--config-file", "schemathesis.toml", "run", `${service.url}/openapi.json`, ...options()],
      {
        cwd: folder,
        env: { ...process.env, TIDEMARK_KEY: key },
        stdio: "inherit",
      },
    ),
  );
  const ready = await fetch(`${service.url}/v1/key`, { headers: { authorization: `Bearer ${key}` } });
  console.log(`${values.postgres ? "PostgreSQL" : "SQLite"}: the service answers ${ready.status} at the end`);
  const stopped = await service.stop();
  console.log(`the service ended with ${stopped.code} and logged ${stopped.faults} faults`);
  const sound = ready.status === 200 && stopped.code === 0 && stopped.faults === 0;
  process.exitCode = code === 0 && sound ? 0 : 1;
} finally {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
}

function options(): string[] {
  return [
    ...["--phases", "examples,coverage,fuzzing,stateful", "--checks", "all", "--exclude-checks", unfit],
    ...["--exclude-operation-id", left, "--max-time", values.seconds, "--request-timeout", "10"],
    ...["--continue-on-failure", "--workers", "2", "--no-color", "--generation-database", "none"],
    ...(values.seed === undefined ? [] : ["--seed", values.seed]),
  ];
}

/** The pinned version in a folder of its own, installed where it is not there. */
function installed(): string {
  const venv = join(root, "node_modules/.cache", `schemathesis-${version}`);
  const program = join(venv, "bin/schemathesis");
  if (existsSync(program)) return program;
  run("python3", "-m", "venv", "--clear", venv);
  run(join(venv, "bin/python"), "-m", "pip", "install", "--quiet", `schemathesis==${version}`);
  return program;
}

function run(command: string, ...args: string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) throw error ?? new Error(`${command} ${args.join(" ")} ended with ${status}`);
}

interface RunningService {
  readonly url: string;
  /** Its exit code, and how many requests it logged as its own fault. */
  stop(): Promise<{ code: number | null; faults: number }>;
}

async function startService(state: string): Promise<RunningService> {
  const args = ["serve", "--state", state, "--port", "0", "--json", "--log-level", "error"];
  const more = ["--admin-key-file", "admin.key", "--rate-limit", "1000000"];
  const child = spawn(process.execPath, [join(root, "src/cli/main.ts"), ...args, ...more], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const gone = ended(child);
  let faults = 0;
  createInterface(child.stderr).on("line", (line) => {
    console.error(line);
    if (line.includes('"request failed"')) faults += 1;
  });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`the service ended with ${code}`)));
  });
  return {
    url: String(JSON.parse(line).url),
    async stop() {
      child.kill("SIGTERM");
      return { code: await gone, faults };
    },
  };
}

function ended(child: ReturnType<typeof spawn>): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
}
