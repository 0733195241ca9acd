import type { Column, OpenTransaction } from "../databases/port.ts";
import type { CursorType } from "../model/cursor.ts";
import type { Position } from "../model/position.ts";
import type { Path, SourceRecord } from "../model/record.ts";
import type { PartitionMove } from "../state/contract.ts";
import type { OnError, Refusals } from "./on-error.ts";
import type { PartContext } from "./part-context.ts";

/** The last write that an output took from a stream, and the position that came with it. */
export interface CommitPosition {
  readonly epoch: number;
  readonly sequence: number;
  readonly position: Position;
}

export interface Batch {
  readonly records: readonly SourceRecord[];
  /**
   * For outputs that append: the identities that the batch delivers, from the next `commit` on. Filters
   * may have left fewer or more records of them.
   */
  readonly deliveries?: readonly string[];
  readonly columns?: readonly Column[];
  /** For outputs that give receipts (`Output.receipts`): called when records were taken or refused. */
  readonly receipt?: Receipt;
}

/** What an output did with a record: its target took it durably, or it was refused. */
export type Outcome = "taken" | "refused";

/**
 * Reports the outcome of some records, by their indexes in `Batch.records`. Await it before sending more: the engine
 * may make the outcome durable first. If it rejects, send no more.
 */
export type Receipt = (places: readonly number[], outcome: Outcome) => Promise<void>;

export interface Commit extends CommitPosition {
  readonly cursorType: CursorType | null;
  /** Whether the window is finished, so that identities kept for it can be dropped. */
  readonly windowFinished: boolean;
  /** Which of those identities are still kept: from one text (inclusive) to another (exclusive), by code point. */
  readonly keepDelivered?: { readonly from: string; readonly below: string };
  /** Of a partitioned stream: the partitions that have moved, each to be kept with a commit position of its own. */
  readonly partitions?: readonly PartitionMove[];
  /**
   * Where the output shares the state's database: makes the state's own change inside the output's
   * transaction. The output calls it once, after its rows and before it commits, with what `commit` is
   * going to return.
   */
  readonly within?: (transaction: OpenTransaction, committed?: Committed) => Promise<void>;
}

/** The result of a commit. */
export interface Committed {
  /**
   * How many of the records written since the last commit the output now holds: without those that it
   * refused, and without rows that a trigger or a rule left out.
   */
  readonly written: number;
}

export const outputGuarantees = ["exactly-once", "at-least-once", "none"] as const;
export type OutputGuarantee = (typeof outputGuarantees)[number];

/**
 * A resource that only one output may write to. Two pipelines of one project whose outputs name the same `id` are an
 * error.
 */
export interface ExclusiveResource {
  /** Identifies the resource across all kinds of outputs: `file:/data/orders.jsonl`, with the absolute path. */
  readonly id: string;
  /** For messages: `the file ./orders.jsonl`. */
  readonly name: string;
}

/**
 * Writes records.
 *
 * Its fields are facts that the engine, the checks of pipelines and the command use. `kind` is only for messages.
 *
 * The engine calls `open` once a run; `fencedEpoch` before it begins the run; `fence` once the run has its epoch; then
 * `write` any number of times, and `commit` at every checkpoint; and `close` at the end, which discards what was not
 * committed. After `fence(epoch)` no `commit` under an older epoch may succeed: it throws `RUN_SUPERSEDED` and leaves
 * nothing behind (promise P4). `commit` returns when everything written before it is durable (promise P5).
 */
export interface Output {
  /** Its name in messages and dead letters: `database`. */
  readonly kind: string;
  /**
   * `exactly-once`: `commit` makes the rows and the commit position durable in one step, and `fence` returns that
   * position. After a failure the engine continues from it, and counts what was not committed as not written.
   * `at-least-once`: what `commit` acknowledged is durable, and a batch may come again after a failure. `none`: no
   * guarantee, for example printed records.
   */
  readonly guarantee: OutputGuarantee;
  /**
   * True where delivering a record twice adds it twice (an append): the engine then hands over
   * identities with each batch, and asks `delivered` before it writes.
   */
  readonly appends: boolean;
  /**
   * For an upsert: the key fields of the written record. The engine leaves out an older version of a record that comes
   * after a newer one in the same read.
   */
  readonly upsertKey?: readonly string[];
  /**
   * For an output that appends and could replace rows with another configuration: what to declare for that, as part of
   * a hint, such as "give the output a `key` to replace rows by".
   */
  readonly toReplace?: string;
  /**
   * Where it writes, as its settings name it: two streams of one pipeline may not have the same target. Absent where
   * streams may share it, such as an endpoint. The `id` may hold a password, so it is only compared.
   */
  readonly target?: ExclusiveResource;
  /** The resource that only one pipeline may write to, such as a file. Absent where several may share the output. */
  readonly exclusive?: ExclusiveResource;
  /** True where records are printed to standard output, so that reports and progress go elsewhere. Default: no. */
  readonly prints?: boolean;
  /** What happens to refused records. Absent: the first of them fails the run. */
  readonly onError?: OnError;
  /**
   * True where `write` reports each record through `Batch.receipt` as soon as the target has durably taken it, so that
   * `commit` adds nothing. A delivery that stops inside a page then continues after what was taken; without receipts,
   * the next run delivers the page again. For outputs that deliver at least once and do not append: the engine then
   * moves the position inside a page without a `commit`.
   */
  readonly receipts?: boolean;
  open(context: OutputContext): Promise<OutputSession>;
  /** Opens the written rows for reading, without changing anything; absent where they cannot be read again. */
  openReader?(context: PartContext): Promise<OutputReader>;
}

/** Reads the committed rows of an output. Throws `OUTPUT_UNAVAILABLE` or `OUTPUT_FAILED`, also from `open`. */
export interface OutputReader {
  /** The fields of the key by which rows are replaced; null where the output declares none. */
  readonly key: readonly Path[] | null;
  /** Whether rows are the records as they were written, and not columns made of them. */
  readonly wholeRecords: boolean;
  /** Whether rows may hold a value at the path. */
  has(path: Path): boolean;
  /** All rows, page by page, in any order and in constant memory, each with at least the values at the paths. */
  rows(paths: readonly Path[], signal: AbortSignal): AsyncIterable<readonly SourceRecord[]>;
  close(): Promise<void>;
}

export interface OutputContext extends PartContext {
  /** `""` for live runs; a backfill has a scope of its own, with its own commit positions and fence. */
  readonly scope: string;
  /**
   * For a backfill: the path of the leading cursor in the input's records. An upsert does not replace a row whose
   * cursor is higher, since a live run may have written it after the backfill read its record.
   */
  readonly cursorPath?: Path | null;
  /** With `cursorPath`: the type whose order its values have, where an output stores them as texts. */
  readonly cursorType?: CursorType | null;
  readonly leaseSeconds: number;
  /** Receives the records that the output refuses; the engine always sets it. Without it, a refusal fails the run. */
  readonly refusals?: Refusals;
}

/**
 * One run's writing. Calls come one at a time, each after the last has settled, in the order that `Output` describes.
 *
 * Durability: nothing when `write` returns (unless there are receipts), everything when `commit` returns, and the epoch
 * when `fence` returns. An output that delivers exactly once makes a commit durable in one step, so that a crash leaves
 * all or none of it: the records, the commit position, those of the partitions that moved, and, where it appends, the
 * delivered identities. `close` without `commit` leaves none.
 *
 * Fencing: the output keeps the highest epoch that `fence` was called with, by stream and scope. `fence` and `commit`
 * read it and make their change in one step, such as a transaction that holds a lock. Otherwise a run that was paused
 * in between could overwrite its successor's writes.
 *
 * If the answer to a `commit` is lost, the run fails, and the next run's `fence` shows whether it took effect. A call
 * that throws ends the run; only `close` is called after it.
 */
export interface OutputSession {
  /** As `SqlConnection.identity`; null where the output is no database. */
  readonly databaseIdentity: string | null;
  /**
   * For outputs whose stream may move to another place, such as a new file: where this run writes. The engine stores it
   * with the stream's position and passes it to `fence`.
   */
  readonly place?: string;
  /** The highest epoch that ever fenced the scope; 0 where the output keeps none or has seen nothing. */
  fencedEpoch(): Promise<number>;
  /**
   * For outputs that append: whether it holds any record. Called before a full refresh, which is refused then. Without
   * this method the output counts as holding what was delivered.
   */
  holdsRecords?(): Promise<boolean>;
  /**
   * Fences every older epoch and returns the newest commit position. Throws `RUN_SUPERSEDED` if a newer epoch is known.
   * `runId` is for the output's messages about the run. `lastPlace` is the `place` with which the stream's position was
   * committed: if it differs from the current one, the output fences older runs there too, and takes over the sink
   * offsets kept there.
   */
  fence(epoch: number, runId?: string, lastPlace?: string | null): Promise<CommitPosition | null>;
  /** The newest commit position of one partition, after `fence`; absent where the output keeps none. */
  partition?(partition: string): Promise<CommitPosition | null>;
  /**
   * For outputs that append: of these identities, those already delivered in the unfinished window,
   * by this run or an earlier one.
   */
  delivered?(identities: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Whether `delivered` could return any identity. Called after `fence` and before the first `write`. If false,
   * `delivered` is not called for records that are surely new to the run. Without this method it is called for all.
   */
  keepsDelivered?(): Promise<boolean>;
  /**
   * For outputs that replace rows, called before a dead letter is replayed: which existing row the record would
   * replace. `older` is a row whose cursor is not higher (`OutputContext.cursorPath`); `anything` is a row whose age is
   * unknown.
   */
  replaces?(record: SourceRecord): Promise<"nothing" | "older" | "anything">;
  /** Whether `commit` itself calls `Refusals.settle`, after it has checked that the run may still write. */
  readonly settlesRefusals?: boolean;
  /**
   * Takes a batch; it need not be durable yet, unless the output gives receipts. Returns how many records it took, with
   * those that the target already had. A record that cannot be taken is passed to `OutputContext.refusals` and does not
   * count. A module that takes and refuses too few fails the run with `OUTPUT_FAILED`. An output with receipts has
   * reported every record when it returns, and every taken or refused record when it throws.
   */
  write(batch: Batch): Promise<number>;
  /**
   * May refuse records that `write` took, before anything is durable. If the number of stored records then differs from
   * what `write` returned, the result says how many there are.
   */
  commit(commit: Commit): Promise<Committed | undefined> | Promise<void>;
  close(): Promise<void>;
}
