import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { LabDatabase } from "./database.ts";

/** Where a world keeps its state and its output. */
export interface Places {
  /** The folder of the files. */
  readonly disk: string;
  /** Where copies of files go. */
  readonly copies: string;
  readonly database: LabDatabase | null;
  readonly databaseUrl: string | null;
  /** Whether the state has a file of its own. */
  readonly stateIsApart: boolean;
}

/** State and output as they were once. */
export interface PlaceCopies {
  readonly folder: string;
  readonly databaseUrl: string | null;
}

export async function copyPlaces({ disk, copies, database, databaseUrl }: Places): Promise<PlaceCopies> {
  mkdirSync(copies, { recursive: true });
  const folder = mkdtempSync(join(copies, "copy-"));
  cpSync(disk, folder, { recursive: true });
  return { folder, databaseUrl: databaseUrl === null ? null : ((await database?.copy(databaseUrl)) ?? null) };
}

export async function putBack(
  { disk, database, databaseUrl, stateIsApart }: Places,
  copies: PlaceCopies,
  what: "state" | "output" | "both",
): Promise<void> {
  const isPutBack = (name: string): boolean =>
    what === "both" || (stateIsApart && name.startsWith("state.")) === (what === "state");
  // A log of what is there now must not be played into the older file.
  for (const name of readdirSync(disk).filter(isPutBack)) rmSync(join(disk, name), { recursive: true });
  for (const name of readdirSync(copies.folder).filter(isPutBack)) {
    cpSync(join(copies.folder, name), join(disk, name), { recursive: true });
  }
  if (what !== "state" && databaseUrl !== null && copies.databaseUrl !== null) {
    await database?.putBack(copies.databaseUrl, databaseUrl);
  }
}

export async function dropCopies({ database }: Places, { databaseUrl }: PlaceCopies): Promise<void> {
  if (databaseUrl !== null) await database?.drop(databaseUrl);
}
