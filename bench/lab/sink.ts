import { existsSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { isLocked } from "./slow.ts";
import { type LabSource, payloadOf } from "./source.ts";
import { isAppend, type OutputKind } from "./world.ts";

export interface SinkRow {
  readonly id: number;
  readonly version: number;
  readonly payload: string;
}

/** The sink could not be read, so nothing is known of what it holds. */
export class SinkUnreadable extends Error {
  override readonly name = "SinkUnreadable";
}

/** A line is being written to the file. */
class LineUnfinished extends Error {
  override readonly name = "LineUnfinished";
}

/**
 * What has arrived, read from the output itself: a file's path, or a database's URL. A reader that is
 * locked out, or finds a line half written, tries again for so long, then throws `SinkUnreadable`: a process that was
 * stopped inside its commit keeps SQLite's lock until it goes on.
 */
export async function readSink(output: OutputKind, place: string, patienceMs: number): Promise<SinkRow[]> {
  const until = performance.now() + patienceMs;
  for (;;) {
    try {
      if (output === "jsonl") return readLines(place);
      return output.startsWith("sqlite") ? readSqlite(place) : await readPostgres(place);
    } catch (error) {
      if (!isLocked(error) && !(error instanceof LineUnfinished)) throw error;
      if (performance.now() >= until) {
        throw new SinkUnreadable(`the sink stayed locked or half written for ${patienceMs} ms`, {
          cause: error,
        });
      }
    }
    await sleep(50);
  }
}

const query = "SELECT id, version, payload FROM records";

function rowOf(row: Record<string, unknown>): SinkRow {
  return { id: Number(row.id), version: Number(row.version), payload: String(row.payload) };
}

function readLines(file: string): SinkRow[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  if (lines.pop() !== "") throw new LineUnfinished(`${file} ends inside a line`);
  return lines.map((line) => rowOf(JSON.parse(line)));
}

function readSqlite(file: string): SinkRow[] {
  if (!existsSync(file)) return [];
  const db = new DatabaseSync(file, { timeout: 500 });
  try {
    const known = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'records'").get() !== undefined;
    return known ? db.prepare(query).all().map(rowOf) : [];
  } finally {
    db.close();
  }
}

async function readPostgres(url: string): Promise<SinkRow[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const known = await client.query("SELECT to_regclass('records') IS NOT NULL AS known");
    return known.rows[0]?.known === true ? (await client.query(query)).rows.map(rowOf) : [];
  } finally {
    await client.end();
  }
}

/** What a schedule comes to, counted at the sink and at the source. */
export interface Comparison {
  readonly delivered: number;
  /** Records whose last version has not arrived, or not as it is. */
  readonly lost: readonly number[];
  /** Versions that a sink which appends holds more than once; keys that one which replaces does. */
  readonly repeated: readonly string[];
}

export function compare(output: OutputKind, rows: readonly SinkRow[], source: LabSource): Comparison {
  const times = new Map<string, number>();
  const arrived = new Set<string>();
  for (const { id, version, payload } of rows) {
    const name = isAppend(output) ? `${id} version ${version}` : String(id);
    times.set(name, (times.get(name) ?? 0) + 1);
    if (payload === payloadOf(id, version)) arrived.add(`${id}@${version}`);
  }
  const lost = [...source.current.values()].filter(({ id, version }) => !arrived.has(`${id}@${version}`));
  return {
    delivered: rows.length,
    lost: lost.map(({ id }) => id),
    repeated: [...times].filter(([, many]) => many > 1).map(([name]) => name),
  };
}
