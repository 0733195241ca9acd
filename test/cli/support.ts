import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { builtCommand, compileCache } from "../support/built-command.ts";
import { hostedCommand } from "../support/hosted-command.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Called with what ends the process; with the test unless given. */
  readonly atEnd?: (end: () => Promise<void>) => void;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once stderr holds the text; rejects where the process ends without it. */
  stderrHolds(text: string): Promise<void>;
}

/** The environment that the command is started with: the test's own machine must not show through. */
function environment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = "", HOME = "", TMPDIR } = process.env;
  return {
    PATH,
    HOME,
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
    TIDEMARK_ACTOR: "tester",
    ...compileCache,
    ...extra,
  };
}

/** Starts the real command. */
export function start(args: readonly string[], options: StartOptions): Started {
  const [program, ...words] = builtCommand;
  return startProcess(program, [...words, ...args], options);
}

export function startProcess(program: string, args: readonly string[], options: StartOptions): Started {
  const child = spawn(program, args, { cwd: options.cwd, env: environment(options.env) });
  let stdout = "";
  let stderr = "";
  const waiting = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    for (const look of waiting) look();
  });
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const { atEnd = onTestFinished } = options;
  atEnd(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await ended.catch(() => {});
  });
  const stderrHolds = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!stderr.includes(text)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      ended.then(() => reject(new Error(`it ended without saying "${text}":\n${stderr}`)), reject);
    });
  return { child, ended, stderrHolds };
}

/** Runs the real command to its end. */
export function tidemark(args: readonly string[], options: StartOptions): Promise<Ended> {
  return start(args, options).ended;
}

/**
 * Executes a command line, in a process that the command lines of a test file share: see `hostedCommand`. Each
 * command has tests that start it as a process of its own.
 */
export async function execute(
  args: readonly string[],
  { cwd, env }: Pick<StartOptions, "cwd" | "env">,
): Promise<Ended> {
  return { signal: null, ...(await hostedCommand({ args, cwd, env: environment(env) })) };
}

/** An empty folder that goes when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What the command printed, which with `--json` is one JSON value and nothing else. */
export function jsonOf({ stdout }: Ended): unknown {
  return JSON.parse(stdout);
}
