import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
// In a project of your own: from "tidemark".
import {
  type Commit,
  type CommitPosition,
  decodePosition,
  defineOutputModule,
  encodePosition,
  type ModuleOutputContext,
  type ModuleOutputSession,
  TidemarkError,
} from "../src/index.ts";

/** `place` is a stream and scope, or one of its partitions: each has a commit position of its own. */
const tables = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS log (entry INTEGER PRIMARY KEY, stream TEXT NOT NULL, record TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS fences (place TEXT PRIMARY KEY, epoch INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS commit_positions (place TEXT PRIMARY KEY, epoch INTEGER, sequence INTEGER, position TEXT);
  CREATE TABLE IF NOT EXISTS delivered (place TEXT, identity TEXT, PRIMARY KEY (place, identity)) WITHOUT ROWID;
`;

const positionRow = z.object({ epoch: z.int(), sequence: z.int(), position: z.string() });

/**
 * Appends each record to the table `log` of a SQLite file, exactly once: one transaction holds a commit's rows, its position
 * and the identities that it delivered, and begins by looking whether a newer run has fenced the stream.
 */
export default defineOutputModule({
  id: "sqlite-log",
  configSchema: z.strictObject({ path: z.string().min(1).describe("The SQLite file.") }),
  create: ({ path }) => ({
    guarantee: "exactly-once",
    appends: true,
    open: (context) => new LogSession(path, context),
  }),
});

class LogSession implements ModuleOutputSession {
  readonly #database: DatabaseSync;
  readonly #context: ModuleOutputContext;
  readonly #place: string;
  /** What was written since the last commit: as much as one checkpoint holds. */
  #records: string[] = [];
  readonly #deliveries = new Set<string>();

  constructor(path: string, context: ModuleOutputContext) {
    this.#database = new DatabaseSync(path, { timeout: 10_000 });
    this.#database.exec(tables);
    this.#context = context;
    this.#place = JSON.stringify([context.key.connector, context.key.stream, context.scope]);
  }

  async fencedEpoch(): Promise<number> {
    return this.#fencedEpoch();
  }

  async holdsRecords(): Promise<boolean> {
    return this.#database.prepare("SELECT 1 FROM log LIMIT 1").get() !== undefined;
  }

  async fence(epoch: number): Promise<CommitPosition | null> {
    return this.#transaction(epoch, () => {
      this.#run(
        "INSERT INTO fences VALUES (?1, ?2) ON CONFLICT DO UPDATE SET epoch = ?2",
        this.#place,
        epoch,
      );
      return this.#commitPosition(this.#place);
    });
  }

  async partition(partition: string): Promise<CommitPosition | null> {
    return this.#commitPosition(this.#placeOf(partition));
  }

  async delivered(identities: readonly string[]): Promise<ReadonlySet<string>> {
    const find = this.#database.prepare("SELECT 1 FROM delivered WHERE place = ? AND identity = ?");
    const isKnown = (identity: string) =>
      this.#deliveries.has(identity) || find.get(this.#place, JSON.stringify(identity)) !== undefined;
    return new Set(identities.filter(isKnown));
  }

  async write({ records, deliveries = [] }: Parameters<ModuleOutputSession["write"]>[0]): Promise<number> {
    const before = this.#records.length;
    for (const record of records) {
      let line: string;
      try {
        line = JSON.stringify(record);
      } catch (reason) {
        this.#context.refusals.refuse({ record, reason });
        continue;
      }
      this.#records.push(line);
    }
    for (const identity of deliveries) this.#deliveries.add(identity);
    return this.#records.length - before;
  }

  async commit(commit: Commit): Promise<void> {
    const { epoch, sequence, position, partitions = [] } = commit;
    this.#transaction(epoch, () => {
      const { connector, stream } = this.#context.key;
      for (const record of this.#records)
        this.#run("INSERT INTO log (stream, record) VALUES (?, ?)", `${connector}/${stream}`, record);
      this.#keep(this.#place, { epoch, sequence, position });
      for (const moved of partitions)
        this.#keep(this.#placeOf(moved.partition), { epoch, sequence, position: moved.position });
      for (const identity of this.#deliveries)
        this.#run("INSERT OR IGNORE INTO delivered VALUES (?, ?)", this.#place, JSON.stringify(identity));
      if (commit.windowFinished) this.#forget(commit);
    });
    this.#records = [];
    this.#deliveries.clear();
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  /** Changes the file in one step, unless a newer run has fenced the stream: the lock is held while that is asked. */
  #transaction<T>(epoch: number, change: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const fenced = this.#fencedEpoch();
      if (fenced > epoch)
        throw new TidemarkError("RUN_SUPERSEDED", `epoch ${fenced} has taken the log over from ${epoch}`);
      const result = change();
      this.#database.exec("COMMIT");
      return result;
    } finally {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    }
  }

  #fencedEpoch(): number {
    return Number(
      this.#database.prepare("SELECT epoch FROM fences WHERE place = ?").get(this.#place)?.epoch ?? 0,
    );
  }

  #commitPosition(place: string): CommitPosition | null {
    const row = this.#database.prepare("SELECT * FROM commit_positions WHERE place = ?").get(place);
    if (row === undefined) return null;
    const { epoch, sequence, position } = positionRow.parse(row);
    return { epoch, sequence, position: decodePosition(position, `the commit position of ${place}`) };
  }

  #keep(place: string, { epoch, sequence, position }: CommitPosition): void {
    const text = encodePosition(position);
    this.#run("INSERT OR REPLACE INTO commit_positions VALUES (?, ?, ?, ?)", place, epoch, sequence, text);
  }

  /** A window that is finished is not read again, but for the part that the commit names. */
  #forget({ keepDelivered }: Commit): void {
    const rows = this.#database.prepare("SELECT identity FROM delivered WHERE place = ?").all(this.#place);
    for (const { identity } of rows) {
      const name = String(JSON.parse(String(identity)));
      const stays =
        keepDelivered !== undefined &&
        byCodePoint(name, keepDelivered.from) >= 0 &&
        byCodePoint(name, keepDelivered.below) < 0;
      if (!stays)
        this.#run("DELETE FROM delivered WHERE place = ? AND identity = ?", this.#place, String(identity));
    }
  }

  #placeOf(partition: string): string {
    return `${this.#place}/${JSON.stringify(partition)}`;
  }

  #run(sql: string, ...values: (string | number)[]): void {
    this.#database.prepare(sql).run(...values);
  }
}

function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
