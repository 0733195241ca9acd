import type { OpenTransaction } from "../../src/databases/port.ts";
import type { RunRef, StateStore } from "../../src/state/contract.ts";

/** One state, empty at first, as a case of the suite works on it. */
export interface StateStoreHarness {
  readonly store: StateStore;
  /** Opens the same state once more, as another process would. The suite closes what it opens. */
  reopen(): Promise<StateStore>;
  /**
   * Makes the lease of a running run run out: by moving the clock where the store was given one, by
   * changing what is stored where the time is a server's.
   */
  expireLease(run: RunRef): Promise<void>;
  /** Transactions of a caller's own on the state's database; absent where there can be none. */
  readonly transactions?: OwnTransactions;
  /** Closes the store, and removes all that was made for it. */
  close(): Promise<void>;
}

/** A user's own table beside the state, and transactions on it. */
export interface OwnTransactions {
  begin(): Promise<OwnTransaction>;
  /** The texts in the table that are committed. */
  rows(): Promise<string[]>;
}

export interface OwnTransaction {
  /** What `complete` and `checkpoint` take as `transaction`. */
  readonly handle: OpenTransaction;
  insert(text: string): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** One behaviour that every store has. */
export interface StateCase {
  readonly name: string;
  run(harness: StateStoreHarness): Promise<void>;
}

export interface StateCases {
  readonly title: string;
  readonly cases: readonly StateCase[];
}

/** Cases under a title, each named by the behaviour that it holds a store to. */
export function stateCases(
  title: string,
  named: Readonly<Record<string, (harness: StateStoreHarness) => Promise<void>>>,
): StateCases {
  return { title, cases: Object.entries(named).map(([name, run]) => ({ name, run })) };
}
