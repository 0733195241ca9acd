import type { Subject } from "../port.ts";

/** An open transaction, by a name that it keeps until it ends. */
export interface Transaction {
  readonly transaction: string;
  /** A description for messages. */
  readonly who: string;
}

export type Ask = () => Promise<readonly Transaction[]>;

/** The queries that the bound needs. They throw `Unbounded` where the database cannot answer. */
export interface IdSource {
  /** Throws where what is open elsewhere could not be seen. */
  check(): Promise<void>;
  /** The highest id that a query returns; null for none. */
  highest(subject: Subject): Promise<string | null>;
  /** The transactions that may hold a lower id than the highest seen. */
  holders(): Promise<Ask>;
  /** The server's time, as a cursor value. */
  now(): Promise<string>;
}
