import type { CommitBound, SqlConnection } from "../../databases/port.ts";
import type { InputContext, InputSession, Page, ReadRequest } from "../../engine/ports.ts";
import type { Cursor } from "../../model/cursor.ts";
import type { Position } from "../../model/position.ts";
import { millisecondsToTimestamp } from "../../model/timestamp.ts";
import { closeAll } from "../close-all.ts";
import { databaseReach } from "./reach.ts";
import { DatabaseRead, type ReadParts } from "./read.ts";
import { readsByTransaction } from "./schema.ts";
import { transactionReading } from "./transactions.ts";

export interface DatabaseInputParts
  extends Omit<ReadParts, "types" | "onWideBound" | "present" | "coarseEnd"> {
  readonly context: InputContext;
  /** Opens a further connection, for reads at the same time. */
  readonly connect: () => Promise<SqlConnection>;
}

/** The kind of fact: all rows were below this watermark. */
const behind = "behind:";

/** Reads on one connection, and on further ones where several slices are read at once. */
export class DatabaseInputSession implements InputSession {
  readonly #parts: DatabaseInputParts;
  readonly #connections: SqlConnection[];
  readonly #idle: SqlConnection[];
  readonly #types: ReadParts["types"] = new Map();
  #bound: CommitBound | null = null;
  /** The present when the window was frozen. */
  #present: string | null = null;
  #coarseEnd: string | null = null;
  #hasWideBound = false;
  #facts: ReadonlySet<string>;

  constructor(parts: DatabaseInputParts) {
    this.#parts = parts;
    this.#connections = [parts.connection];
    this.#idle = [parts.connection];
    this.#facts = parts.context.facts ?? new Set();
  }

  async now(): Promise<number> {
    const now = await this.#parts.connection.now();
    this.#present = millisecondsToTimestamp(now);
    return now;
  }

  async safeUpper(position: Position): Promise<Cursor | null> {
    this.#bound = await this.#commitBound();
    const upper = (await this.#bound?.safeUpper(position)) ?? null;
    this.#coarseEnd = this.readsPast() ? (upper?.value ?? null) : null;
    if (upper !== null && !this.readsPast()) await this.#warnOfTheFuture();
    return upper;
  }

  /** Only for a table, where the cursor finds these rows; a query could take long. */
  async #warnOfTheFuture(): Promise<void> {
    const { connection, config, incremental, context } = this.#parts;
    const [field] = incremental.cursors;
    const { table, statePersistence } = config;
    if (table === undefined || field?.type !== "timestamp_utc" || this.#present === null) return;
    if (statePersistence.until !== undefined) return;
    const { warnOfFutureRows } = await import("./commit-safe/future-rows.ts");
    const subject = (position: Position) => this.#readOn(connection).subject(position);
    await warnOfFutureRows({ connection, field, table, subject, warn: context.warn }, this.#present);
  }

  readsPast(): boolean {
    return this.#bound?.readsPast ?? false;
  }

  reach(lower: string): string {
    return databaseReach(this.#parts, lower, this.#hasWideBound);
  }

  note(): string | undefined {
    return this.#bound?.note();
  }

  facts(): ReadonlySet<string> {
    return this.#facts;
  }

  /** The warning about rows below the watermark is given once per watermark. */
  async readNothing(watermark: string): Promise<void> {
    const { connection, config, incremental, context } = this.#parts;
    const { warnOfRowsBehind } = await import("./rows-behind.ts");
    const fact = `${behind}${watermark}`;
    const wasReported = this.#facts.has(fact);
    const [leading] = incremental.cursors;
    const isBehind = await warnOfRowsBehind(
      { connection, config, leading, warn: context.warn, wasReported },
      watermark,
    );
    const others = [...this.#facts].filter((known) => !known.startsWith(behind));
    this.#facts = new Set(isBehind ? [...others, fact] : others);
  }

  async close(): Promise<void> {
    await closeAll(this.#connections);
  }

  async *read(request: ReadRequest): AsyncGenerator<Page, void, undefined> {
    const connection = await this.#take();
    try {
      yield* this.#readOn(connection).pages(request);
    } finally {
      this.#idle.push(connection);
    }
  }

  async #take(): Promise<SqlConnection> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const connection = await this.#parts.connect();
    this.#connections.push(connection);
    return connection;
  }

  #readOn(connection: SqlConnection): DatabaseRead {
    const onWideBound = (): void => {
      this.#hasWideBound = true;
    };
    return new DatabaseRead({
      ...this.#parts,
      connection,
      types: this.#types,
      onWideBound,
      present: this.#present,
      coarseEnd: this.#coarseEnd,
    });
  }

  async #commitBound(): Promise<CommitBound | null> {
    const { connection, config, incremental, context } = this.#parts;
    const [field] = incremental.cursors;
    const { warn } = context;
    if (config.commitSafe === false || field === undefined) return null;
    const { table = null } = config;
    if (table !== null && readsByTransaction(config)) {
      return (await transactionReading(connection)).bound(table, warn);
    }
    if (field.type !== "timestamp_utc" && field.type !== "numeric_id") return null;
    const { commitBound } = await import("./commit-safe/commit-bound.ts");
    const subject = (position: Position) => this.#readOn(connection).subject(position);
    return commitBound({ connection, field, table, subject, warn }, config.commitSafe === true);
  }
}
