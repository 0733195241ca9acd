import type { Column, OpenTransaction } from "../databases/port.ts";
import type { CursorType } from "../model/cursor.ts";
import type { Position } from "../model/position.ts";
import type { Path, SourceRecord } from "../model/record.ts";
import type { PartitionMove } from "../state/contract.ts";
import type { OnError, Refusals } from "./on-error.ts";
import type { PartContext } from "./part-context.ts";

/** Which write an output last took from a stream, and the position that came with it. */
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
  /** For outputs that give receipts (`Output.receipts`): to be called as records are dealt with. */
  readonly receipt?: Receipt;
}

/** What an output did with a record: its target took it for good, or it was given to the run's refusals. */
export type Outcome = "taken" | "refused";

/**
 * Tells what became of some records, by their places in `Batch.records`. To be awaited before anything
 * more is sent in their order: the engine may make it durable first. Where it rejects, no more may be sent.
 */
export type Receipt = (places: readonly number[], outcome: Outcome) => Promise<void>;

export interface Commit extends CommitPosition {
  readonly cursorType: CursorType | null;
  /** Whether the window is finished, so that identities kept for it can be dropped. */
  readonly windowFinished: boolean;
  /** Which of those identities stay all the same: from one text on and below another, by code point. */
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

/** What a commit came to. */
export interface Committed {
  /**
   * How many of the records written since the last commit the output now holds: without those that it
   * refused, and without rows that a trigger or a rule left out.
   */
  readonly written: number;
}

export const outputGuarantees = ["exactly-once", "at-least-once", "none"] as const;
export type OutputGuarantee = (typeof outputGuarantees)[number];

/** Something that outputs write to one at a time. Two pipelines of one project whose outputs name the same `id` are refused. */
export interface ExclusiveResource {
  /** The same for the same thing, whatever kind of output writes to it: `file:/data/orders.jsonl`, with the absolute path. */
  readonly id: string;
  /** For messages: `the file ./orders.jsonl`. */
  readonly name: string;
}

/**
 * Writes records.
 *
 * Its fields are facts that the engine, the checks of pipelines and the command go by; none of them asks what `kind`
 * an output is, which is for messages alone.
 *
 * The engine calls `open` once a run; `fencedEpoch` before it begins the run; `fence` once the run has its
 * epoch; then `write` any number of times and `commit` after every checkpoint's worth, in turn; and
 * `close` at the end, which discards what was not committed. After `fence(epoch)` no `commit` under
 * an older epoch may succeed: it throws `RUN_SUPERSEDED` and leaves nothing behind (promise P4).
 * `commit` returns when everything written before it is durable (promise P5).
 */
export interface Output {
  /** What messages and dead letters call it: `database`. */
  readonly kind: string;
  /**
   * `exactly-once`: `commit` makes the rows and the commit position durable in one step, and `fence` returns that position.
   * After a failure the engine goes on from it, and counts what was not committed as not written.
   * `at-least-once`: what `commit` acknowledged is durable, and a batch may come again after a failure.
   * `none`: not even that, as for what is only looked at.
   */
  readonly guarantee: OutputGuarantee;
  /**
   * True where delivering a record twice adds it twice (an append): the engine then hands over
   * identities with each batch, and asks `delivered` before it writes.
   */
  readonly appends: boolean;
  /**
   * For an upsert: the fields of the record as written by which rows are replaced. The engine holds back an older
   * version of a record that comes behind a newer one in the same read.
   */
  readonly upsertKey?: readonly string[];
  /**
   * For an output that appends and would replace rows under another configuration: what to declare for that, as a
   * part of a hint, such as "give the output a `key` to replace rows by".
   */
  readonly toReplace?: string;
  /** What only one pipeline may write to, such as a file. Absent where several may share the output. */
  readonly exclusive?: ExclusiveResource;
  /** True where records are printed to standard output, so that reports and progress go elsewhere. Default: no. */
  readonly prints?: boolean;
  /** What becomes of records that are refused; absent, the first of them fails the run. */
  readonly onError?: OnError;
  /**
   * True where `write` tells of each record, by `Batch.receipt`, as soon as the target has taken it for good, so that
   * `commit` adds nothing to that. A delivery that stops inside a page then goes on behind what was taken; without
   * it, the next run delivers the page again. For outputs that deliver at least once and do not append: the engine
   * then moves the position inside a page without a `commit`.
   */
  readonly receipts?: boolean;
  open(context: OutputContext): Promise<OutputSession>;
  /** Opens what was written for reading, and changes nothing; absent where it cannot be read again. */
  openReader?(context: PartContext): Promise<OutputReader>;
}

/** Reads what an output holds, as committed. Throws `OUTPUT_UNAVAILABLE` or `OUTPUT_FAILED`, also from `open`. */
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
   * For a backfill: where the input's records hold the leading cursor. An upsert leaves a row be whose
   * cursor is higher, since a live run may have written it since the backfill read its record.
   */
  readonly cursorPath?: Path | null;
  /** With `cursorPath`: in which order its values stand, where an output keeps them as texts. */
  readonly cursorType?: CursorType | null;
  readonly leaseSeconds: number;
  /** Takes the records that the output refuses; the engine always gives it. Without it, a refusal fails the run. */
  readonly refusals?: Refusals;
}

/**
 * One run's writing: calls come one at a time, each after the last has settled, in the order that `Output` tells.
 *
 * What has to be durable when: nothing of `write`, unless there are receipts; all of it when `commit` returns; the epoch
 * when `fence` returns. Of an output that delivers exactly once, one step makes all of a commit durable, so that a
 * crash leaves all or none of it: the records, the commit position, those of the partitions that moved, and, where it
 * appends, the identities that were delivered. `close` without `commit` leaves none.
 *
 * Fencing: the output keeps the highest epoch that `fence` was called with, by stream and scope. `fence` and `commit` read
 * it and make their change in one step, such as a transaction that holds a lock. Otherwise a run that was paused
 * between the two would write over its successor.
 *
 * What can go wrong: the answer to a `commit` is lost. The run fails, and the next run's `fence` says whether it took
 * effect. What throws ends the run, and nothing but `close` is called after it.
 */
export interface OutputSession {
  /** As `SqlConnection.identity`; null where the output is no database. */
  readonly databaseIdentity: string | null;
  /**
   * For outputs whose stream may go on in another place, such as a new file: where this run writes to. The engine
   * keeps it with the stream's position and gives it to `fence`.
   */
  readonly place?: string;
  /** The highest epoch that ever fenced the scope; 0 where the output keeps none or has seen nothing. */
  fencedEpoch(): Promise<number>;
  /**
   * For outputs that append: whether it holds any record by now. Asked before a full refresh, which is refused then;
   * without it the output counts as one that holds what was delivered.
   */
  holdsRecords?(): Promise<boolean>;
  /**
   * Shuts out every older epoch and returns the newest commit position. Throws `RUN_SUPERSEDED` if a newer is
   * known. `runId` is for what the output tells people of the run. `lastPlace` is the `place` with which the
   * stream's position was committed: where that is another one, the output shuts older runs out of it too, and
   * takes over what is kept there of the stream.
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
   * Whether `delivered` could name any, asked after `fence` and before the first `write`: where it could
   * not, what is surely new to the run is not asked for. Without it, everything is.
   */
  keepsDelivered?(): Promise<boolean>;
  /**
   * For outputs that replace rows, asked before a dead letter is replayed: what of the rows that are there the record would
   * replace. `older` is a row whose cursor is not higher (`OutputContext.cursorPath`); `anything` one of which that
   * cannot be told.
   */
  replaces?(record: SourceRecord): Promise<"nothing" | "older" | "anything">;
  /** Whether `commit` itself calls `Refusals.settle`, once it is sure that the run may still write. */
  readonly settlesRefusals?: boolean;
  /**
   * Takes a batch; it need not be durable yet, unless the output gives receipts. Returns how many records it took. A
   * record that cannot be taken is given to `OutputContext.refusals` and does not count. One that gives receipts
   * has given one for every record when it returns, and where it throws for every one that was dealt with.
   */
  write(batch: Batch): Promise<number>;
  /**
   * May refuse records that `write` took, before it is durable. Where what it holds then differs from what
   * `write` returned, it says how many records that is.
   */
  commit(commit: Commit): Promise<Committed | undefined> | Promise<void>;
  close(): Promise<void>;
}
