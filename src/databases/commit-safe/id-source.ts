import type { Subject } from "../port.ts";

/** An open transaction, by a name that it keeps until it ends. */
export interface Transaction {
  readonly transaction: string;
  /** In words, for messages. */
  readonly who: string;
}

export type Ask = () => Promise<readonly Transaction[]>;

/** What a database is asked for the bound. Its answers throw `Unbounded` where they cannot be had. */
export interface IdSource {
  /** Throws where what is open elsewhere could not be seen. */
  check(): Promise<void>;
  /** The highest id that a query brings; null where it brings none. */
  highest(subject: Subject): Promise<string | null>;
  /** What tells who may hold a lower id than the highest that was seen before. */
  holders(): Promise<Ask>;
  /** The server's time, as a cursor value. */
  now(): Promise<string>;
}
