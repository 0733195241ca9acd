import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { z } from "zod";
import type { Clock } from "../../clock.ts";
import type { Commit, Mark } from "../../engine/ports.ts";
import { isTidemarkError, messageOf, TidemarkError } from "../../errors.ts";
import { decodePosition, encodePosition } from "../../model/position.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import { makePrivate, narrow } from "../../private-files.ts";
import { Statements } from "../../sql/sqlite/statements.ts";
import { partitionLane } from "../partition-lane.ts";
import { storedIdentity } from "../stored-identity.ts";
import { fileRow, ledgerFormat, ledgerTables, listsTable, markRow } from "./ledger-tables.ts";
import { syncFolder } from "./sync-folder.ts";

/** How long to wait for another process that is committing to the same file. */
const lockWait = 30_000;
const lockPause = 20;

/**
 * What is known of an output file: whose it is, its committed length, each lane's newest mark, and
 * the identities delivered in a window that is not finished. It is a small SQLite database beside
 * the file, because one thing only keeps a process that was paused in the middle of a commit from
 * harming its successor on this machine: a lock that the system itself holds for it.
 */
export class Ledger {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  /** Whether somebody has asked for deliveries since the last commit. */
  #asked = false;

  private constructor(path: string, clock: Clock, database: DatabaseSync) {
    this.#path = path;
    this.#clock = clock;
    this.#database = database;
    this.#statements = new Statements(database);
  }

  /** Opens the ledger, or returns null where there is none. Throws `STATE_UNREADABLE`, `STATE_TOO_NEW`. */
  static async open(path: string, clock: Clock): Promise<Ledger | null> {
    if (!existsSync(path)) return null;
    for (const suffix of ["", "-wal", "-shm", "-journal"]) narrow(path + suffix);
    const database = new DatabaseSync(path, { timeout: 0 });
    const ledger = new Ledger(path, clock, database);
    try {
      await ledger.#patiently(() => ledger.#prepare());
      return ledger;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /**
   * Makes a ledger for a file that has none, with the length that it shall keep, unless another
   * process was first. It has a folder of its own, so that whoever moves it away moves its log along,
   * and gets its name only when it is whole, so that an empty one is never taken for new.
   */
  static create(path: string, key: StreamKey, length: number): void {
    const folder = dirname(path);
    const draft = `${folder}.${process.pid}.new`;
    rmSync(draft, { recursive: true, force: true });
    mkdirSync(draft, { mode: 0o700 });
    makePrivate(join(draft, basename(path)));
    const database = new DatabaseSync(join(draft, basename(path)));
    try {
      database.exec(ledgerTables);
      database
        .prepare("INSERT INTO file (only, connector, stream, length) VALUES (1, ?, ?, ?)")
        .run(key.connector, key.stream, length);
      database.close();
      syncFolder(draft);
      renameSync(draft, folder);
      syncFolder(dirname(folder));
    } catch (error) {
      if (!isTaken(error)) throw error;
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }

  #prepare(): void {
    // A commit that was acknowledged must survive a power cut.
    this.#database.exec(`PRAGMA synchronous = FULL;
      CREATE TEMP TABLE IF NOT EXISTS pending (identity TEXT PRIMARY KEY) WITHOUT ROWID;
      CREATE TEMP TABLE IF NOT EXISTS pending_lists (identities TEXT NOT NULL)`);
    if (this.#format() === 1) this.#migrate();
    const version = this.#format();
    if (version > ledgerFormat) {
      throw new TidemarkError(
        "STATE_TOO_NEW",
        `${this.#path} has format ${version}; this version reads up to ${ledgerFormat}`,
      );
    }
    if (version !== ledgerFormat) throw this.#unreadable("it is empty or not Tidemark's");
  }

  #format(): number {
    return Number(this.#statements.get("PRAGMA user_version")?.user_version);
  }

  /** From format 1, which had no lists; unless another process was first. */
  #migrate(): void {
    this.#database.exec("BEGIN IMMEDIATE");
    if (this.#format() === 1) this.#database.exec(`${listsTable}; PRAGMA user_version = ${ledgerFormat}`);
    this.#database.exec("COMMIT");
  }

  /** The highest epoch that has claimed a lane; 0 before the first. */
  async claimedEpoch(lane: string): Promise<number> {
    return this.#patiently(() => this.#claimedEpoch(lane));
  }

  /** The newest mark of one partition. */
  async partition(lane: string, partition: string): Promise<Mark | null> {
    return this.#patiently(() => this.#mark(partitionLane(lane, partition)));
  }

  #claimedEpoch(lane: string): number {
    return this.#markRow(lane)?.claimed_epoch ?? 0;
  }

  #mark(lane: string): Mark | null {
    const row = this.#markRow(lane);
    if (!row || row.epoch === null || row.sequence === null || row.position === null) return null;
    return { epoch: row.epoch, sequence: row.sequence, position: decodePosition(row.position, this.#path) };
  }

  #markRow(lane: string): z.infer<typeof markRow> | null {
    const row = this.#statements.get("SELECT * FROM marks WHERE lane = ?", lane);
    return row === undefined ? null : this.#parse(markRow, row);
  }

  #file(): z.infer<typeof fileRow> {
    const row = this.#statements.get("SELECT connector, stream, length FROM file");
    return this.#parse(fileRow, row);
  }

  /**
   * Shuts out older epochs of the lane and returns its newest mark. `settle` is called under the
   * lock with the committed length. Throws `RUN_SUPERSEDED` where a newer epoch has claimed it,
   * `CONFIG_INCOHERENT` where the file is another stream's.
   */
  async claim(
    key: StreamKey,
    lane: string,
    epoch: number,
    settle: (length: number) => void,
  ): Promise<Mark | null> {
    return this.#locked(() => {
      const { length, ...owner } = this.#file();
      if (owner.connector !== key.connector || owner.stream !== key.stream) throw this.#foreign(owner, key);
      this.#refuseOlder(lane, epoch);
      settle(length);
      this.#statements.run(
        "INSERT INTO marks (lane, claimed_epoch) VALUES (?, ?) ON CONFLICT (lane) DO UPDATE SET claimed_epoch = excluded.claimed_epoch",
        lane,
        epoch,
      );
      return this.#mark(lane);
    });
  }

  /**
   * Commits one checkpoint: `append` is called under the lock with the committed length and returns
   * the new one, which must be durable by then. Throws `RUN_SUPERSEDED` before anything is written.
   */
  async commit(lane: string, commit: Commit, append: (length: number) => Promise<number>): Promise<void> {
    await this.#locked(async () => {
      this.#refuseOlder(lane, commit.epoch);
      const length = await append(this.#file().length);
      const { epoch, sequence, cursorType, position, partitions = [] } = commit;
      this.#statements.run("UPDATE file SET length = ?", length);
      this.#statements.run(
        "UPDATE marks SET epoch = ?, sequence = ?, cursor_type = ?, position = ? WHERE lane = ?",
        epoch,
        sequence,
        cursorType,
        encodePosition(position),
        lane,
      );
      for (const move of partitions) {
        this.#statements.run(
          `INSERT INTO marks (lane, claimed_epoch, epoch, sequence, cursor_type, position)
            VALUES (?1, ?2, ?2, ?3, ?4, ?5) ON CONFLICT (lane) DO UPDATE SET
            claimed_epoch = excluded.claimed_epoch, epoch = excluded.epoch, sequence = excluded.sequence,
            cursor_type = excluded.cursor_type, position = excluded.position`,
          partitionLane(lane, move.partition),
          epoch,
          sequence,
          cursorType,
          encodePosition(move.position),
        );
      }
      this.#keepDeliveries(lane, commit);
    });
    this.#asked = false;
  }

  #keepDeliveries(lane: string, { windowFinished, keepDelivered }: Commit): void {
    const isKept = !windowFinished || keepDelivered !== undefined;
    // Who has asked will ask again, and finds them told apart.
    if (isKept && (this.#asked || keepDelivered !== undefined)) this.#tellApart(lane);
    if (isKept) {
      this.#statements.run(
        "INSERT OR IGNORE INTO delivered (lane, identity) SELECT ?, identity FROM temp.pending",
        lane,
      );
      this.#statements.run(
        "INSERT INTO delivered_lists (lane, identities) SELECT ?, identities FROM temp.pending_lists",
        lane,
      );
    }
    if (windowFinished) {
      this.#statements.run(
        "DELETE FROM delivered WHERE lane = ? AND NOT (identity >= ? AND identity < ?)",
        lane,
        keepDelivered?.from ?? "",
        keepDelivered?.below ?? "",
      );
      this.#statements.run("DELETE FROM delivered_lists WHERE lane = ?", lane);
    }
    this.#statements.run("DELETE FROM temp.pending");
    this.#statements.run("DELETE FROM temp.pending_lists");
  }

  /** Whether anything is known to be delivered that a commit has not let go of. */
  async keepsDelivered(lane: string): Promise<boolean> {
    const kept =
      "SELECT 1 FROM delivered WHERE lane = ?1 UNION ALL SELECT 1 FROM delivered_lists WHERE lane = ?1 LIMIT 1";
    return this.#patiently(() => this.#statements.get(kept, lane) !== undefined);
  }

  /** Of these identities, those delivered before. */
  async delivered(lane: string, identities: readonly string[]): Promise<Set<string>> {
    const isListed = "SELECT 1 FROM delivered_lists WHERE lane = ? LIMIT 1";
    if (await this.#patiently(() => this.#statements.get(isListed, lane) !== undefined))
      await this.#locked(() => this.#tellApart(lane));
    return this.#patiently(() => {
      this.#tellPendingApart();
      this.#asked = true;
      const known =
        "SELECT 1 FROM delivered WHERE lane = ?1 AND identity = ?2 UNION ALL SELECT 1 FROM temp.pending WHERE identity = ?2";
      const found = new Set<string>();
      for (const identity of identities) {
        if (this.#statements.get(known, lane, storedIdentity(identity)) !== undefined) found.add(identity);
      }
      return found;
    });
  }

  /** Puts what was listed into the tables in which one identity can be found. */
  #tellApart(lane: string): void {
    this.#tellPendingApart();
    this.#statements.run(
      `INSERT OR IGNORE INTO delivered (lane, identity)
        SELECT lane, value FROM delivered_lists, json_each(identities) WHERE lane = ?`,
      lane,
    );
    this.#statements.run("DELETE FROM delivered_lists WHERE lane = ?", lane);
  }

  #tellPendingApart(): void {
    this.#database.exec(`INSERT OR IGNORE INTO temp.pending (identity)
        SELECT value FROM temp.pending_lists, json_each(identities);
      DELETE FROM temp.pending_lists`);
  }

  /** Keeps identities for the next commit, in a table that only this connection has: it takes no lock. */
  deliver(identities: readonly string[]): void {
    const list = JSON.stringify(identities.map(storedIdentity));
    this.#statements.run("INSERT INTO temp.pending_lists (identities) VALUES (?)", list);
  }

  close(): void {
    this.#database.close();
  }

  #refuseOlder(lane: string, epoch: number): void {
    const claimed = this.#claimedEpoch(lane);
    if (claimed <= epoch) return;
    throw new TidemarkError(
      "RUN_SUPERSEDED",
      `${this.#path}: a run of epoch ${claimed} has taken the file over from epoch ${epoch}`,
    );
  }

  /** Runs a change under the write lock, and takes it back where it throws. */
  async #locked<T>(change: () => T | Promise<T>): Promise<T> {
    await this.#patiently(() => this.#database.exec("BEGIN IMMEDIATE"));
    try {
      const result = await change();
      await this.#patiently(() => this.#database.exec("COMMIT"));
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw this.#told(error);
    }
  }

  /** Tries again while another process holds the lock. */
  async #patiently<T>(call: () => T): Promise<T> {
    const start = this.#clock.elapsed();
    for (;;) {
      try {
        return call();
      } catch (error) {
        if (sqliteCode(error) !== busy) throw this.#told(error);
        if (this.#clock.elapsed() - start > lockWait) throw this.#held();
      }
      await this.#clock.sleep(lockPause);
    }
  }

  #told(error: unknown): unknown {
    const code = sqliteCode(error);
    if (code === corrupt || code === notADatabase) return this.#unreadable(messageOf(error), error);
    if (code === null || isTidemarkError(error)) return error;
    return new TidemarkError("OUTPUT_FAILED", `${this.#path}: ${messageOf(error)}`, { cause: error });
  }

  #parse<T>(shape: z.ZodType<T>, row: unknown): T {
    const parsed = shape.safeParse(row);
    if (parsed.success) return parsed.data;
    throw this.#unreadable("a row is not as Tidemark writes it");
  }

  #unreadable(why: string, cause?: unknown): TidemarkError {
    return new TidemarkError("STATE_UNREADABLE", `${this.#path} cannot be read: ${why}`, {
      cause,
      hint: "Restore it from a backup. Without it the file's whole content counts as committed: move it away only if the file ends where the last good run left it.",
    });
  }

  #held(): TidemarkError {
    return new TidemarkError(
      "OUTPUT_UNAVAILABLE",
      `${this.#path} has been locked by another process for ${lockWait / 1000} seconds`,
      { hint: "Another run is committing to the file, or was stopped while it did; end that process." },
    );
  }

  #foreign(owner: StreamKey, key: StreamKey): TidemarkError {
    return new TidemarkError(
      "CONFIG_INCOHERENT",
      `the file that ${this.#path} keeps account of belongs to the stream ${formatStreamKey(owner)}; ${formatStreamKey(key)} cannot write to it as well`,
      { hint: "Give each pipeline a file of its own.", stream: formatStreamKey(key) },
    );
  }
}

const busy = 5;
const corrupt = 11;
const notADatabase = 26;

/** Whether a folder could not take its name because another has it. */
function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EEXIST" || error.code === "ENOTEMPTY");
}

/** SQLite's own primary result code of an error; null where it is none of SQLite's. */
function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return null;
  return error.errcode & 0xff;
}
