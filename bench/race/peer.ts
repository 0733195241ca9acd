import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "./measure-process.ts";
import type { Place } from "./place.ts";
import type { Contents } from "./sinks.ts";

/** How a peer does a job. */
export interface Entry {
  /** What it writes to, as the table calls it. */
  readonly sink: string;
  /** Called once, before the first run. */
  prepare?(place: Place): void | Promise<void>;
  /** The same command is run three times: for everything, for the changes, and for nothing new. */
  command(place: Place): Command;
  count(place: Place): Promise<Contents>;
  /** How often it has made its position durable so far, where that can be seen from outside; null where not. */
  checkpoints(place: Place): Promise<number | null>;
}

export const jobs = ["sqlite", "postgres", "jsonl"] as const;
export type Job = (typeof jobs)[number];

export const jobTitles: Readonly<Record<Job, string>> = {
  sqlite: "REST → SQLite or DuckDB",
  postgres: "REST → PostgreSQL",
  jsonl: "REST → JSON lines",
};

export interface Peer {
  readonly name: string;
  /** Whose set-up it needs, where that is not its own name. */
  readonly setup?: string;
  /** Name and version of what runs. */
  readonly version: string;
  /** Tidemark's records/s must be at least so many times the peer's; null for Tidemark itself. */
  readonly factor: number | null;
  /** Why it cannot run here, and what to do about it; null where it can. */
  missing(): string | null;
  /** How it does each job, or why it cannot. */
  readonly entries: Readonly<Record<Job, Entry | string>>;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** A file of a peer's, next to this one. */
export function peerFile(peer: string, file: string): string {
  return here(`./peers/${peer}/${file}`);
}

/** A file of what a peer's set-up installed. */
export function installed(peer: string, file: string): string {
  return here(`./.peers/${peer}/${file}`);
}

/** Null where the set-up has put the file there, else what to run. */
export function unlessInstalled(peer: string, file: string): string | null {
  return existsSync(installed(peer, file))
    ? null
    : `not installed; run: npm run bench -- race --setup --only ${peer}`;
}

/** What a set-up script pins: the value of `VARIABLE=value` in it. */
export function pinned(script: string, variable: string): string {
  return new RegExp(`^${variable}=(.+)$`, "m").exec(script)?.[1] ?? "unknown";
}

/** The sum of the numbers that a peer's script adds to a file, one a run. */
export function linesAdded({ folder }: Place, file: string): number {
  const path = join(folder, file);
  if (!existsSync(path)) return 0;
  return readFileSync(path, "utf8")
    .split("\n")
    .reduce((sum, line) => sum + Number(line), 0);
}
