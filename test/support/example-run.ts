import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { hostedCommand } from "./hosted-command.ts";

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

/** Executes a command line in a folder, with its state there, and only the variables that are given. */
export function tidemark(
  folder: string,
  words: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const { PATH = "" } = process.env;
  return hostedCommand({ args: words, cwd: folder, env: { PATH, ...variables } });
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
