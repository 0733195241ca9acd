import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock } from "../../../clock.ts";
import { TidemarkError } from "../../../errors.ts";
import { makeFolder } from "../../../folders.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { StorageAtOnce } from "../../at-once.ts";
import type { StateStore } from "../../contract.ts";
import { storeClosed } from "../../refusals.ts";
import type { RowStorage, RowTransaction, Transacting } from "../../row-storage.ts";
import { writeScratch } from "../../scratch.ts";
import { StreamStateStore } from "../../store.ts";
import { withLock } from "./lock.ts";
import { LogEnds } from "./log-ends.ts";
import { baseOf } from "./names.ts";
import { FileTransaction } from "./transaction.ts";

/**
 * State in files: one readable JSON file a stream (`<connector>.json`, or `<connector>/<stream>.json`), with its
 * history and audit log in a `.log.jsonl` file next to it. For one machine, and for people who read state in an editor.
 * A file may be written by hand to start a stream somewhere (`{"timestamp": "2026-01-01T00:00:00Z"}`), and removed to
 * start it over. Throws `STATE_UNREADABLE`, `STATE_TOO_NEW`, `STATE_UNAVAILABLE`.
 */
export async function openFileState(folder: string, options: { clock?: Clock } = {}): Promise<StateStore> {
  const clock = options.clock ?? systemClock;
  return new StreamStateStore(new StorageAtOnce(new FileStorage(folder, clock), clock), {
    absentIsFresh: true,
    edits: "take",
  });
}

class FileStorage implements RowStorage {
  readonly databaseIdentity = null;
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #ends = new LogEnds();
  #open = true;

  constructor(folder: string, clock: Clock) {
    this.#folder = existsSync(folder) ? realpathSync(folder) : folder;
    this.#clock = clock;
  }

  async read<T>(work: (tx: RowTransaction) => T): Promise<T> {
    this.#assertOpen();
    return withFileErrors(this.#folder, () =>
      work(new FileTransaction(this.#folder, this.#clock, this.#ends)),
    );
  }

  async transact<T>(
    key: StreamKey,
    work: (tx: RowTransaction) => T,
    { transaction }: Transacting = {},
  ): Promise<T> {
    if (transaction !== undefined) {
      throw new TidemarkError(
        "ARGUMENT_INVALID",
        "state in files cannot take part in a database transaction",
      );
    }
    this.#assertOpen();
    try {
      return await withLock(`${baseOf(this.#folder, key)}.lock`, () => {
        const tx = new FileTransaction(this.#folder, this.#clock, this.#ends);
        const result = work(tx);
        tx.commit();
        return result;
      });
    } catch (error) {
      throw fileError(this.#folder, error);
    }
  }

  async probe(): Promise<void> {
    this.#assertOpen();
    withFileErrors(this.#folder, () => {
      makeFolder(this.#folder);
      // No stream's file has a tilde in its name.
      writeScratch(join(this.#folder, "~probe"));
    });
  }

  #assertOpen(): void {
    if (!this.#open) throw storeClosed(`file:${this.#folder}`);
  }

  async close(): Promise<void> {
    this.#open = false;
  }
}

/** What the file system refuses, as a `TidemarkError`. */
function withFileErrors<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw fileError(folder, error);
  }
}

function fileError(folder: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  return new TidemarkError("STATE_UNAVAILABLE", `file:${folder}: ${error.message}`, {
    cause: error,
    hint: "Check that it is a folder on a disk with room, and that this user may write to it.",
  });
}
