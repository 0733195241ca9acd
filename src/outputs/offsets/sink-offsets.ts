import type { Commit, CommitPosition } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { decodePosition, encodePosition } from "../../model/position.ts";
import { partitionScope } from "../../model/scope.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import { DeliveredIdentities } from "./delivered.ts";
import type { OffsetsStorage } from "./port.ts";

export interface SinkOffsetsParts<Facts> {
  readonly storage: OffsetsStorage<Facts>;
  readonly key: StreamKey;
  /** `OutputContext.scope`. */
  readonly scope: string;
  /** Where the rows go, for messages: a table, or a file. */
  readonly place: string;
}

/**
 * The sink offsets of one session: an output that delivers exactly once stores here its last commit, the run that may
 * make the next one, and the records of an unfinished window that it holds.
 *
 * 1. Before the run begins, `fencedEpoch` returns the newest epoch in the output, so that the state grants a higher
 *    one.
 * 2. When the run has its epoch, `fence` stores it in a transaction. It is refused with `RUN_SUPERSEDED` where another
 *    run stored the same epoch or a newer one. `start` then returns the last commit, which the engine compares with the
 *    state.
 * 3. The transaction of each commit begins with `advance`: it stores the commit position, only where the fence is still
 *    this run's. So a late run finds the fence of its successor and fails with `RUN_SUPERSEDED`, and its rows are
 *    rolled back.
 * 4. The rows follow, and `settle` stores or removes the delivered identities. Once the transaction is durable,
 *    `committed` is called.
 */
export class SinkOffsets<Facts = undefined> {
  readonly #parts: SinkOffsetsParts<Facts>;
  readonly #identities: DeliveredIdentities;
  /** The epoch that this session has fenced the scope with. */
  #epoch: number | null = null;

  constructor(parts: SinkOffsetsParts<Facts>) {
    this.#parts = parts;
    this.#identities = new DeliveredIdentities(parts.storage.identities, parts.scope);
  }

  /** The epoch that this session may commit under; null before `start`. */
  get epoch(): number | null {
    return this.#epoch;
  }

  /** The newest epoch that ever fenced the scope; 0 before the first. */
  async fencedEpoch(): Promise<number> {
    const { storage, scope } = this.#parts;
    return (await storage.read(scope))?.fence ?? 0;
  }

  /**
   * In a transaction: fences every older epoch. Throws `RUN_SUPERSEDED` where another session has fenced the scope with
   * this epoch or a newer one.
   */
  async fence(epoch: number): Promise<void> {
    const { storage, scope } = this.#parts;
    if (await storage.raiseFence(scope, epoch)) return;
    const current = await this.fencedEpoch();
    const isOwn = current === epoch && this.#epoch === epoch;
    if (!isOwn) throw this.superseded(epoch, current);
  }

  /** Once the transaction of `fence` is durable: the last commit of the scope; null before the first. */
  async start(epoch: number): Promise<CommitPosition | null> {
    this.#epoch = epoch;
    await this.#identities.start();
    return this.#read(this.#parts.scope, "");
  }

  /** The last commit of one partition; null before the first. */
  async partition(partition: string): Promise<CommitPosition | null> {
    return this.#read(partitionScope(this.#parts.scope, partition), `partition ${partition} of `);
  }

  async #read(scope: string, whose: string): Promise<CommitPosition | null> {
    const { storage, key } = this.#parts;
    const committed = (await storage.read(scope))?.committed ?? null;
    if (committed === null) return null;
    const { epoch, sequence, position } = committed;
    const holder = `${storage.name}, ${whose === "" ? "stream " : whose}${formatStreamKey(key)}`;
    return { epoch, sequence, position: decodePosition(position, holder) };
  }

  /** First in the transaction of a commit. Throws `RUN_SUPERSEDED` where the fence is not this commit's epoch. */
  async advance(commit: Commit, facts: Facts): Promise<void> {
    const { storage, scope } = this.#parts;
    if (commit.epoch !== this.#epoch) throw this.superseded(commit.epoch, this.#epoch);
    const { epoch, sequence, cursorType } = commit;
    const row = { epoch, sequence, cursorType, position: encodePosition(commit.position) };
    if (!(await storage.commit(scope, row, facts))) throw this.superseded(epoch, await this.fencedEpoch());
    for (const { partition, position } of commit.partitions ?? []) {
      const own = { epoch, sequence, cursorType, position: encodePosition(position) };
      await storage.commitPartition(partitionScope(scope, partition), own);
    }
  }

  /** Whether `delivered` could name a record that an earlier run delivered. */
  keepsDelivered(): boolean {
    return this.#identities.anyKept;
  }

  /** Those of the identities that were delivered in the unfinished window, by this run or an earlier one. */
  delivered(identities: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#identities.among(identities);
  }

  /** Adds identities as delivered; other runs see them from the next commit on. Outside of a transaction. */
  deliver(identities: readonly string[]): Promise<void> {
    return this.#identities.add(identities);
  }

  /** Last in the transaction of a commit. */
  settle(commit: Commit): Promise<void> {
    return this.#identities.settle(commit);
  }

  /** Called once the transaction of a commit is durable. */
  committed(commit: Commit): void {
    this.#identities.committed(commit);
  }

  /** The error for a run whose epoch is not the fence; `current` is null where the fence is unknown. */
  superseded(epoch: number, current: number | null, cause?: unknown): TidemarkError {
    const { key, place } = this.#parts;
    const stream = formatStreamKey(key);
    if (current === epoch) {
      // One state gives each epoch to one run only.
      return new TidemarkError(
        "RUN_SUPERSEDED",
        `${place}: the run of epoch ${epoch} may not write; another run of ${stream} with the same epoch writes there, from another state`,
        {
          stream,
          cause,
          hint: "Let all runs of this stream use one state (`--state`), or give each state an output of its own.",
        },
      );
    }
    const other = current === null ? "another run" : `a run of epoch ${current}`;
    return new TidemarkError(
      "RUN_SUPERSEDED",
      `${place}: the run of epoch ${epoch} may not write; ${other} has taken ${stream} over`,
      { stream, cause },
    );
  }
}
