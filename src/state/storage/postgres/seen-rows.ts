import { isTidemarkError } from "../../../errors.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { agreesWithLog } from "../../compared-row.ts";
import type { AuditRecord } from "../../contract.ts";
import type { Change, StreamRow } from "../../rows.ts";
import type { Maybe } from "../../work.ts";
import type { Seen } from "./last-seen.ts";
import type { Queries } from "./queries.ts";
import { PostgresRows } from "./rows.ts";
import type { Runner } from "./session.ts";
import type { Row } from "./statement.ts";
import { asStored, isOneWrite, type Write, writeOf } from "./write.ts";
import type { Writes } from "./write-sql.ts";

/** The row has changed since it was read. */
export class Missed extends Error {}

/** The step needs more than one statement, or rows that only a transaction can lock. */
export class NeedsHold extends Error {}

/** Whether a row comes from the cache or was just read. */
export interface Sight extends Seen {
  /** The server's time when the row was read; null where it comes from the cache. */
  readonly now: number | null;
}

const uniqueViolation = "23505";

/** Rows for a step on a row that is not held: the step's change is stored if the row is still as it was seen. */
export class SeenRows extends PostgresRows {
  isCompared: boolean;
  readonly #seen: Sight;
  readonly #writes: Writes;
  /** The row as this step has stored it. */
  stored: Seen | null = null;
  /** Whether a write was sent to the server, whatever its outcome. */
  hasWritten = false;
  /** Whether the step assumed, without reading the history, that it has no run with its id. */
  assumesNewRun = false;

  constructor(runner: Runner, queries: Queries, writes: Writes, seen: Sight) {
    super(runner, queries);
    this.#seen = seen;
    this.#writes = writes;
    this.isCompared = seen.isCompared;
  }

  /**
   * A cached row has no time. Any time that differs from those in the row works here: the statement replaces it by the
   * server's time.
   */
  override now(): number {
    const { now, row } = this.#seen;
    return now ?? Math.max(row.updatedAt, row.startedAt ?? 0, row.leaseExpiresAt ?? 0) + 1;
  }

  override load(key: StreamKey, scope: string): Maybe<StreamRow | null> {
    return scope === this.#seen.row.scope ? this.#seen.row : super.load(key, scope);
  }

  /** If the history has a run with that id, the write does not match. A refusal decided before that is not final. */
  override loadRun(): null {
    this.assumesNewRun = true;
    return null;
  }

  override loadPartitions(): Promise<never> {
    return Promise.reject(new NeedsHold());
  }

  override loadBackfilled(): Promise<never> {
    return Promise.reject(new NeedsHold());
  }

  override async listNewestAudit(
    options: Parameters<PostgresRows["listNewestAudit"]>[0],
  ): Promise<AuditRecord[]> {
    const found = await super.listNewestAudit(options);
    if (options.limit === 1) this.isCompared = agreesWithLog(this.#seen.row, found[0] ?? null);
    return found;
  }

  override async store(change: Change): Promise<StreamRow> {
    if (!isOneWrite(this.#seen.row, change)) throw new NeedsHold();
    const now = this.now();
    const write = writeOf(this.#seen, change, now);
    this.hasWritten = true;
    const returned = await this.#write(write);
    if (returned === undefined) throw new Missed();
    const row = asStored(change.row, this.#seen.row, now, returned, this.runner.place);
    this.stored = { row, position: write.position, isCompared: this.isCompared };
    return row;
  }

  async #write({ shape, values }: Write): Promise<Row | undefined> {
    try {
      const [returned] = await this.runner.run(this.#writes.statementFor(shape), values);
      return returned;
    } catch (error) {
      if (isTidemarkError(error) && error.details?.sqlState === uniqueViolation) throw new Missed();
      throw error;
    }
  }
}
