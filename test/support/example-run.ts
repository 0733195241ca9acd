import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { builtCommand, compileCache } from "./built-command.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What `tidemark run --json` says of a run, as far as the examples are judged by it. */
const summarySchema = z.looseObject({
  status: z.string(),
  records_read: z.int(),
  records_written: z.int(),
  pages: z.int(),
  new_cursor: z.string().nullable(),
  warnings: z.array(z.unknown()),
  error: z.unknown(),
});
export type Summary = z.infer<typeof summarySchema>;

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An empty folder of the test's own, removed when it ends. */
export async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-examples-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the command in a folder, with its state there, and only the variables that are given. */
export function tidemark(
  folder: string,
  words: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const [program, ...before] = builtCommand;
    const child = spawn(program, [...before, ...words], {
      cwd: folder,
      env: { PATH: process.env.PATH, ...compileCache, ...variables },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

export function examplePath(name: string): string {
  return join(root, "examples", name);
}

/** Runs an example once and returns its summary; throws with all it printed where it did not complete. */
export async function runExample(
  folder: string,
  name: string,
  variables: Readonly<Record<string, string>>,
): Promise<Summary> {
  const result = await tidemark(folder, ["run", examplePath(name), "--json"], variables);
  if (result.code !== 0)
    throw new Error(`${name} ended with ${result.code}:\n${result.stdout}\n${result.stderr}`);
  return summarySchema.parse(JSON.parse(result.stdout));
}

/** Opens a SQLite file for the length of the test. */
export function openDatabase(folder: string, file: string): DatabaseSync {
  const database = new DatabaseSync(join(folder, file));
  onTestFinished(() => database.close());
  return database;
}
