import type { TidemarkError } from "../errors.ts";

/** What becomes of a record that cannot be read, or that the output cannot take. */
export const errorPolicies = ["fail", "skip", "deadLetter"] as const;
export type ErrorPolicy = (typeof errorPolicies)[number];

/** A record that was refused. */
export interface Refusal {
  /** As it came from the source, or as it reached the output. */
  readonly record: unknown;
  /** The record in few words: `the record with id 7`. */
  readonly name: string;
  /** Why, with the code; `details.field` names the field at fault and `details.status` an HTTP answer, where known. */
  readonly reason: TidemarkError;
  /** What ends the run under `onError: fail`; the reason unless given. */
  readonly failure?: TidemarkError;
  /** Whether it could not be read (`input`) or not be written (`output`, the default). */
  readonly stage?: "input" | "output";
}

/** A refused record as it is kept: a line of a dead-letter file. */
export interface DeadLetter {
  readonly time: string;
  readonly connector: string;
  readonly stream: string;
  /** As `tidemark state history` names it; null where the run is not known. */
  readonly run: string | null;
  readonly stage: "input" | "output";
  /** The error's code, the field at fault and the HTTP status, and what happened in words. */
  readonly code: string;
  readonly field: string | null;
  readonly status: number | null;
  readonly reason: string;
  /** The same for the same record of the stream at the same stage, however often it is refused. */
  readonly id: string;
  readonly record: unknown;
}

/** Where dead letters are kept. */
export interface DeadLetterSink {
  /** What a message calls it: the path of a file. */
  readonly place: string;
  /** Throws `OUTPUT_FAILED` where it cannot take the letter. */
  add(letter: DeadLetter): void;
  /** Returns when every letter added is durable. */
  sync(): void;
  close(): void;
}

/** What an output declares about records that are refused. */
export interface OnError {
  readonly policy: ErrorPolicy;
  /** For `deadLetter`: opens the place of the letters, once a run. */
  readonly deadLetters?: () => DeadLetterSink;
}

/** The refused records of one run, by the output's `onError`. */
export interface Refusals {
  /** Whether a run goes on without a refused record: the policy is not `fail`. */
  readonly goesOn: boolean;
  /** Takes note of a refused record. Throws its `failure` under `onError: fail`. */
  refuse(refusal: Refusal): void;
  /**
   * Makes all that was refused so far durable. To be called before the position moves past the records:
   * by the engine before each `commit`, or by the output itself (`OutputSession.settlesRefusals`).
   */
  settle(): void;
}
