import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { z } from "zod";
import type { Clock } from "../../clock.ts";
import { isBusy, sqliteCode, whenFree } from "../../databases/sqlite/busy.ts";
import { migrate } from "../../databases/sqlite/migrate.ts";
import { Statements } from "../../databases/sqlite/statements.ts";
import { assertKnownVersion } from "../../databases/versioned-tables.ts";
import { isTidemarkError, messageOf, TidemarkError } from "../../errors.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import { narrow } from "../../private-files.ts";
import { fileFailure } from "./failure.ts";
import { offsetsTables, ownerRow } from "./offsets-tables.ts";

/** How long to wait for another process that is committing to the same file. */
const lockWait = 30_000;

const corrupt = 11;
const notADatabase = 26;

/**
 * The small SQLite database next to an output file, or a series of them, with its sink offsets and committed lengths. A
 * process that was paused in the middle of a commit must not harm its successor. That needs a lock that the operating
 * system releases with the process, and SQLite uses one.
 */
export class OffsetsFile {
  readonly path: string;
  readonly database: DatabaseSync;
  readonly statements: Statements;
  readonly #clock: Clock;

  private constructor(path: string, clock: Clock, database: DatabaseSync) {
    this.path = path;
    this.#clock = clock;
    this.database = database;
    this.statements = new Statements(database);
  }

  /** Opens it, or returns null where there is none. Throws `STATE_UNREADABLE`, `STATE_TOO_NEW`. */
  static async open(path: string, clock: Clock): Promise<OffsetsFile | null> {
    if (!existsSync(path)) return null;
    const database = databaseAt(path);
    const file = new OffsetsFile(path, clock, database);
    try {
      await file.patiently(() => file.#prepare());
      return file;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  #prepare(): void {
    // A commit that was acknowledged must survive a power cut.
    this.database.exec("PRAGMA synchronous = FULL");
    migrate(this.database, offsetsTables, () => this.#version());
  }

  #version(): number {
    const version = Number(this.statements.get("PRAGMA user_version")?.user_version);
    // A file always has its tables, since it is created with them.
    if (version < 1) throw this.#unreadable("it is empty or not Tidemark's");
    assertKnownVersion(offsetsTables, version, this.path);
    return version;
  }

  /** Whether it belongs to this stream. */
  async isOf(key: StreamKey): Promise<boolean> {
    const owner = await this.#owner();
    return owner.connector === key.connector && owner.stream === key.stream;
  }

  /** Throws `CONFIG_INCOHERENT` where it belongs to another stream. */
  async assertOwner(key: StreamKey): Promise<void> {
    if (await this.isOf(key)) return;
    const owner = formatStreamKey(await this.#owner());
    throw new TidemarkError(
      "CONFIG_INCOHERENT",
      `the file that ${this.path} keeps account of belongs to the stream ${owner}; ${formatStreamKey(key)} cannot write to it as well`,
      { hint: "Give each pipeline a file of its own.", stream: formatStreamKey(key) },
    );
  }

  async #owner(): Promise<StreamKey> {
    const row = await this.patiently(() => this.statements.get("SELECT connector, stream FROM file"));
    return this.parse(ownerRow, row);
  }

  /** Makes a change in one transaction, under the write lock, and undoes it where it throws. */
  async locked<T>(change: () => Promise<T>): Promise<T> {
    await this.patiently(() => this.database.exec("BEGIN IMMEDIATE"));
    try {
      const result = await change();
      await this.patiently(() => this.database.exec("COMMIT"));
      return result;
    } catch (error) {
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      throw this.#explained(error);
    }
  }

  /** Tries again while another process holds the lock. */
  async patiently<T>(call: () => T): Promise<T> {
    try {
      return await whenFree(call, { waitMs: lockWait, clock: this.#clock });
    } catch (error) {
      throw isBusy(error) ? this.#held() : this.#explained(error);
    }
  }

  /** A row as the schema says. Throws `STATE_UNREADABLE`. */
  parse<T>(schema: z.ZodType<T>, row: unknown): T {
    const parsed = schema.safeParse(row);
    if (parsed.success) return parsed.data;
    throw this.#unreadable("a row is not as Tidemark writes it");
  }

  close(): void {
    this.database.close();
  }

  #explained(error: unknown): unknown {
    const code = sqliteCode(error);
    if (code === corrupt || code === notADatabase) return this.#unreadable(messageOf(error), error);
    if (code === null || isTidemarkError(error)) return error;
    return fileFailure(this.path, error);
  }

  #unreadable(why: string, cause?: unknown): TidemarkError {
    return new TidemarkError("STATE_UNREADABLE", `${this.path} cannot be read: ${why}`, {
      cause,
      hint: "Restore it from a backup. Without it the file's whole content counts as committed: move it away only if the file ends where the last good run left it.",
    });
  }

  #held(): TidemarkError {
    return new TidemarkError(
      "OUTPUT_UNAVAILABLE",
      `${this.path} has been locked by another process for ${lockWait / 1000} seconds`,
      { hint: "Another run is committing to the file, or was stopped while it did; end that process." },
    );
  }
}

function databaseAt(path: string): DatabaseSync {
  try {
    for (const suffix of ["", "-wal", "-shm", "-journal"]) narrow(path + suffix);
    return new DatabaseSync(path, { timeout: 0 });
  } catch (cause) {
    throw fileFailure(path, cause);
  }
}
