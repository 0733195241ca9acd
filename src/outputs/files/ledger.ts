import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { z } from "zod";
import type { Clock } from "../../clock.ts";
import { Statements } from "../../databases/sqlite/statements.ts";
import type { Commit, CommitPosition } from "../../engine/ports.ts";
import { isTidemarkError, messageOf, TidemarkError } from "../../errors.ts";
import { decodePosition, encodePosition } from "../../model/position.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import { narrow } from "../../private-files.ts";
import { partitionScope } from "../partition-scope.ts";
import { fileFailure, sqliteCode } from "./failure.ts";
import { Deliveries } from "./ledger-deliveries.ts";
import {
  ledgerFormat,
  ledgerUpgrades,
  lengthRow,
  markRow,
  nameRow,
  ownerRow,
  sealedRow,
} from "./ledger-tables.ts";
import { nothingSealed, type Sealed } from "./seal.ts";

/** How long to wait for another process that is committing to the same file. */
const lockWait = 30_000;
const lockPause = 20;

/** What a claim needs to know of the files. */
export interface ClaimedFiles {
  /** The ledger's name of the file that the run is going to write to. */
  readonly name: string;
  /** What that file holds where the ledger does not know it yet. */
  readonly begins: () => Sealed;
  /** Called under the lock with what is committed of each file that somebody may have left in the middle of a write. */
  readonly settle: (name: string, committed: Sealed) => void;
  /** The ledger of the place that the stream has written to before, claimed under the same epoch. */
  readonly previous?: Ledger | null;
}

/**
 * What is known of an output file, or of a series of them: whose they are, their committed lengths, each lane's newest
 * mark, and the identities delivered in a window that is not finished. It is a small SQLite database beside
 * the file, because one thing only keeps a process that was paused in the middle of a commit from
 * harming its successor on this machine: a lock that the system itself holds for it.
 */
export class Ledger {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  readonly #deliveries: Deliveries;

  private constructor(path: string, clock: Clock, database: DatabaseSync) {
    this.#path = path;
    this.#clock = clock;
    this.#database = database;
    this.#statements = new Statements(database);
    this.#deliveries = new Deliveries(database, this.#statements);
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

  #prepare(): void {
    // A commit that was acknowledged must survive a power cut.
    this.#database.exec("PRAGMA synchronous = FULL");
    this.#deliveries.prepare();
    this.#upgrade();
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

  /** From an older format, in one step; unless another process was first. */
  #upgrade(): void {
    if (!ledgerUpgrades.has(this.#format())) return;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (let format = this.#format(); ; format++) {
        const upgrade = ledgerUpgrades.get(format);
        if (upgrade === undefined) break;
        this.#database.exec(`${upgrade}; PRAGMA user_version = ${format + 1}`);
      }
      this.#database.exec("COMMIT");
    } finally {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    }
  }

  /** The highest epoch that has claimed a lane; 0 before the first. */
  async claimedEpoch(lane: string): Promise<number> {
    return this.#patiently(() => this.#claimedEpoch(lane));
  }

  /** The newest mark of one partition. */
  async partition(lane: string, partition: string): Promise<CommitPosition | null> {
    return this.#patiently(() => this.#mark(partitionScope(lane, partition)));
  }

  #claimedEpoch(lane: string): number {
    return this.#markRow(lane)?.claimed_epoch ?? 0;
  }

  #mark(lane: string): CommitPosition | null {
    const row = this.#markRow(lane);
    if (!row || row.epoch === null || row.sequence === null || row.position === null) return null;
    return { epoch: row.epoch, sequence: row.sequence, position: decodePosition(row.position, this.#path) };
  }

  #markRow(lane: string): z.infer<typeof markRow> | null {
    const row = this.#statements.get("SELECT * FROM marks WHERE lane = ?", lane);
    return row === undefined ? null : this.#parse(markRow, row);
  }

  #owner(): StreamKey {
    return this.#parse(ownerRow, this.#statements.get("SELECT connector, stream FROM file"));
  }

  /** What of a file is committed; null for one that the ledger does not know. */
  #sealed(name: string): Sealed | null {
    const row = this.#statements.get("SELECT length, head, tail FROM files WHERE name = ?", name);
    return row === undefined ? null : this.#parse(sealedRow, row);
  }

  #seal(name: string, { length, head, tail }: Sealed): void {
    this.#statements.run(
      `INSERT INTO files (name, length, head, tail) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
        length = excluded.length, head = excluded.head, tail = excluded.tail`,
      name,
      length,
      head,
      tail,
    );
  }

  /** The names of all files, in the order in which they were begun. */
  async files(): Promise<readonly { readonly name: string; readonly length: number }[]> {
    const rows = await this.#patiently(() => this.#statements.all("SELECT * FROM files ORDER BY rowid"));
    return rows.map((row) => this.#parse(nameRow.extend(lengthRow.shape), row));
  }

  /** Whether the ledger is this stream's. */
  async isOf(key: StreamKey): Promise<boolean> {
    return this.#patiently(() => this.#isOf(key));
  }

  /** Throws `CONFIG_INCOHERENT` where the ledger is another stream's. */
  async refuseForeign(key: StreamKey): Promise<void> {
    if (!(await this.isOf(key))) throw this.#foreign(this.#owner(), key);
  }

  #isOf(key: StreamKey): boolean {
    const owner = this.#owner();
    return owner.connector === key.connector && owner.stream === key.stream;
  }

  /**
   * Shuts older epochs of the lane out for good, where the stream writes to another place from now on. `settle` is
   * as for `claim`. Throws `RUN_SUPERSEDED` where a newer epoch has claimed it.
   */
  async leave(lane: string, epoch: number, settle: ClaimedFiles["settle"]): Promise<void> {
    await this.#locked(() => {
      this.#refuseOlder(lane, epoch);
      this.#settleClaimed(settle);
      this.#statements.run("UPDATE marks SET claimed_epoch = ? WHERE lane = ?", epoch, lane);
    });
  }

  /**
   * Shuts out older epochs of the lane and returns its newest mark. Throws `RUN_SUPERSEDED` where a newer
   * epoch has claimed it, `CONFIG_INCOHERENT` where the ledger is another stream's.
   */
  async claim(
    key: StreamKey,
    lane: string,
    epoch: number,
    files: ClaimedFiles,
  ): Promise<CommitPosition | null> {
    return this.#locked(() => {
      if (!this.#isOf(key)) throw this.#foreign(this.#owner(), key);
      this.#refuseOlder(lane, epoch);
      this.#settle(files);
      this.#statements.run(
        `INSERT INTO marks (lane, claimed_epoch, file) VALUES (?, ?, ?) ON CONFLICT (lane) DO UPDATE SET
          claimed_epoch = excluded.claimed_epoch, file = excluded.file`,
        lane,
        epoch,
        files.name,
      );
      if (files.previous) this.#adopt(lane, files.previous);
      return this.#mark(lane);
    });
  }

  #settle({ name, begins, settle }: ClaimedFiles): void {
    let committed = this.#sealed(name);
    if (committed === null) {
      committed = begins();
      this.#seal(name, committed);
    }
    this.#settleClaimed(settle, name);
    settle(name, committed);
  }

  /** A run that was stopped may have left bytes in the file that its lane had claimed. */
  #settleClaimed(settle: ClaimedFiles["settle"], except: string | null = null): void {
    const claimed = this.#statements.all("SELECT DISTINCT file AS name FROM marks WHERE file IS NOT NULL");
    for (const row of claimed) {
      const { name } = this.#parse(nameRow, row);
      if (name !== except) settle(name, this.#sealed(name) ?? nothingSealed);
    }
  }

  /** Takes over what another ledger knows of a lane and its partitions, where that is newer. */
  #adopt(lane: string, previous: Ledger): void {
    const [before, own] = [previous.#mark(lane), this.#mark(lane)];
    if (before === null || (own !== null && !isNewer(before, own))) return;
    const prefix = partitionScope(lane, "");
    const rows = previous.#statements.all(
      "SELECT * FROM marks WHERE lane = ?1 OR substr(lane, 1, length(?2)) = ?2",
      lane,
      prefix,
    );
    for (const row of rows) {
      const mark = this.#parse(markRow, row);
      this.#statements.run(
        `INSERT INTO marks (lane, claimed_epoch, epoch, sequence, cursor_type, position)
          VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (lane) DO UPDATE SET epoch = excluded.epoch,
          sequence = excluded.sequence, cursor_type = excluded.cursor_type, position = excluded.position`,
        mark.lane,
        mark.claimed_epoch,
        mark.epoch,
        mark.sequence,
        mark.cursor_type,
        mark.position,
      );
    }
    this.#deliveries.replace(lane, previous.#deliveries.lists(lane));
  }

  /**
   * Commits one checkpoint: `append` is called under the lock with what is committed of the file and returns
   * what is now, which must be durable by then. Throws `RUN_SUPERSEDED` before anything is written.
   */
  async commit(
    lane: string,
    name: string,
    commit: Commit,
    append: (committed: Sealed) => Promise<Sealed>,
  ): Promise<void> {
    await this.#locked(async () => {
      this.#refuseOlder(lane, commit.epoch);
      this.#seal(name, await append(this.#sealed(name) ?? nothingSealed));
      const { epoch, sequence, cursorType, position, partitions = [] } = commit;
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
          partitionScope(lane, move.partition),
          epoch,
          sequence,
          cursorType,
          encodePosition(move.position),
        );
      }
      this.#deliveries.keep(lane, commit);
    });
    this.#deliveries.committed();
  }

  /** Whether anything is known to be delivered that a commit has not let go of. */
  async keepsDelivered(lane: string): Promise<boolean> {
    return this.#patiently(() => this.#deliveries.any(lane));
  }

  /** Of these identities, those delivered before. */
  async delivered(lane: string, identities: readonly string[]): Promise<Set<string>> {
    if (await this.#patiently(() => this.#deliveries.areListed(lane)))
      await this.#locked(() => this.#deliveries.tellApart(lane));
    return this.#patiently(() => this.#deliveries.among(lane, identities));
  }

  /** Keeps identities for the next commit; takes no lock. */
  deliver(identities: readonly string[]): void {
    this.#deliveries.add(identities);
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
    return fileFailure(this.#path, error);
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

function isNewer(a: CommitPosition, b: CommitPosition): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.sequence > b.sequence);
}

const busy = 5;
const corrupt = 11;
const notADatabase = 26;
