import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One line of the table: two things measured in one run, and what their ratio may be. */
export interface Row {
  readonly what: string;
  readonly budget: string;
  readonly measured: string;
  readonly ok: boolean;
  readonly details: Readonly<Record<string, unknown>>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Measures A and B in turn, A B A B …, so that a machine whose speed drifts slows both alike. */
export async function alternate<T>(
  times: number,
  a: () => Promise<T>,
  b: () => Promise<T>,
): Promise<{ a: T[]; b: T[] }> {
  const measured: { a: T[]; b: T[] } = { a: [], b: [] };
  for (let time = 0; time < times; time++) {
    measured.a.push(await a());
    measured.b.push(await b());
  }
  return measured;
}

/** The median of the ratios pair by pair. */
export function pairedRatio(a: readonly number[], b: readonly number[]): number {
  return median(a.map((value, index) => value / (b[index] ?? Number.NaN)));
}

export function part(name: string): string {
  return fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
}

/** Runs a part to its end and reads the JSON that it prints last. */
export function runPart<T>(name: string, ...args: string[]): Promise<T> {
  return runPartWith<T>([], name, ...args);
}

/** The same with flags for Node. */
export async function runPartWith<T>(flags: readonly string[], name: string, ...args: string[]): Promise<T> {
  const { output, code } = await finished(
    spawn(process.execPath, [...flags, part(name), ...args], { stdio: ["ignore", "pipe", "inherit"] }),
  );
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${output}`);
  return JSON.parse(output.trim().split("\n").at(-1) ?? "");
}

export async function finished(child: ChildProcess): Promise<{ output: string; code: number | null }> {
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { output, code };
}

/** Starts the source in a process of its own, calls `use` with its address, and stops it. */
export async function withServer<T>(records: number, use: (endpoint: string) => Promise<T>): Promise<T> {
  const child = spawn(process.execPath, [part("server"), String(records)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const endpoint = await new Promise<string>((resolve, reject) => {
      child.stdout.setEncoding("utf8").once("data", (text: string) => resolve(text.trim()));
      child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    });
    return await use(endpoint);
  } finally {
    child.kill();
  }
}

/** A folder that is gone afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-bench-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
