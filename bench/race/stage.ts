import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { createDatabase, startPostgres } from "../../test/support/postgres.ts";
import type { Place } from "./place.ts";

/** What the source has served since it was last asked. */
export interface Served {
  readonly requests: number;
  readonly records: number;
  /** In milliseconds since 1970. */
  readonly firstRequestAt: number | null;
}

/** What all peers share: the source, and a PostgreSQL server. */
export interface Stage extends AsyncDisposable {
  /** Shows a generation of the source's data, and begins to count anew. */
  show(generation: 1 | 2): Promise<Served>;
  /** An empty place for one peer, gone after `use`. */
  withPlace<T>(needsPostgres: boolean, use: (place: Place) => Promise<T>): Promise<T>;
}

/** The server waits for its disk as it would in earnest, and has the memory that a small one is given. */
const postgresSettings = [
  "fsync=on",
  "synchronous_commit=on",
  "full_page_writes=on",
  "shared_buffers=512MB",
  "max_wal_size=4GB",
];

const sourceProgram = fileURLToPath(new URL("./source.ts", import.meta.url));

/** Starts the source, with every hundredth record to change, and PostgreSQL where a job needs it. */
export async function openStage(records: number, needsPostgres: boolean): Promise<Stage> {
  const source = spawn(process.execPath, [sourceProgram, String(records)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const origin = await new Promise<string>((resolve, reject) => {
    source.stdout.setEncoding("utf8").once("data", (text: string) => resolve(text.trim()));
    source.once("exit", (code) => reject(new Error(`the source ended with ${code}`)));
  });
  const postgres = needsPostgres ? await startPostgres(postgresSettings) : null;
  return {
    async show(generation) {
      const response = await fetch(`${origin}/control?generation=${generation}`, { method: "POST" });
      return (await response.json()) as Served;
    },
    async withPlace(withDatabase, use) {
      const folder = mkdtempSync(join(tmpdir(), "tidemark-race-"));
      const database = withDatabase && postgres !== null ? await createDatabase(postgres.url) : null;
      try {
        return await use({ origin, folder, postgresUrl: database?.url ?? "" });
      } finally {
        await database?.drop();
        if (database !== null && postgres !== null) await checkpoint(postgres.url);
        rmSync(folder, { recursive: true, force: true });
      }
    },
    async [Symbol.asyncDispose]() {
      source.kill();
      await postgres?.stop();
    },
  };
}

/** What one peer left to write must not slow the next. */
async function checkpoint(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("CHECKPOINT");
  } finally {
    await client.end();
  }
}
