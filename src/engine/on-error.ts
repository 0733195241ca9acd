import type { TidemarkError } from "../errors.ts";
import type { StreamKey } from "../model/stream-key.ts";

/** What to do with a record that cannot be read, or that a filter or the output cannot process. */
export const errorPolicies = ["fail", "skip", "deadLetter"] as const;
export type ErrorPolicy = (typeof errorPolicies)[number];

/** Where a record was refused: when it was read, by a filter, or by the output. */
export const letterStages = ["input", "filter", "output"] as const;
export type LetterStage = (typeof letterStages)[number];

/** A record that was refused. */
export interface Refusal {
  /** As it came from the source (`input`, `filter`), or as it reached the output. */
  readonly record: unknown;
  /** A short name of the record: `the record with id 7`. */
  readonly name: string;
  /** Why, with the code; `details.field` names the field at fault and `details.status` an HTTP answer, where known. */
  readonly reason: TidemarkError;
  /** The error that ends the run under `onError: fail`. Default: the reason. */
  readonly failure?: TidemarkError;
  /** Default: `output`. */
  readonly stage?: LetterStage;
}

/**
 * A refused record as it is stored: a line of a dead-letter file. It holds all that a replay needs: the record with
 * every digit, and the stage at which the replay starts.
 */
export interface DeadLetter {
  /**
   * The same id for the same record of a stream (and partition) at the same stage, however often it is refused. It
   * identifies a letter that a crash repeats.
   */
  readonly id: string;
  readonly time: string;
  /** The pipeline's name; null where the letter does not have it. */
  readonly pipeline: string | null;
  readonly connector: string;
  readonly stream: string;
  readonly partition: string | null;
  /** As `tidemark state history` names it; null where the run is not known. */
  readonly run: string | null;
  readonly stage: LetterStage;
  /** What refused it: `httpRequest`, or `filters[1] script`; null where the letter does not have it. */
  readonly by: string | null;
  /** The error's code, the field at fault and the HTTP status, and a message without secrets. */
  readonly code: string;
  readonly field: string | null;
  readonly status: number | null;
  readonly reason: string;
  /** The record's leading cursor; null where it has none, or filters removed it. */
  readonly cursor: string | null;
  /** As the source gave it (`input`, `filter`), or as it reached the output (`output`). */
  readonly record: unknown;
}

/** Where dead letters are kept. */
export interface DeadLetterSink {
  /** Its name in messages: the path of a file. */
  readonly place: string;
  /** Throws `OUTPUT_FAILED` where it cannot store the letter, `OUTPUT_UNAVAILABLE` where that may be temporary. */
  add(letter: DeadLetter): void;
  /** Returns when every letter added is durable. */
  sync(): void;
  close(): void;
}

/** The outcome of a letter: a replay delivered it, a replay was refused again, or it was discarded. */
export const letterMarks = ["replayed", "refused", "discarded"] as const;

/** An outcome that is appended after a letter in its file. The letter itself is not changed. */
export interface LetterMark {
  readonly mark: (typeof letterMarks)[number];
  /** The letter's `id`. */
  readonly letter: string;
  readonly time: string;
  /** The run that replayed it; null where it was discarded. */
  readonly run: string | null;
  readonly actor: string;
  /** For `refused`: the code and why. For `discarded`: the reason that was given. */
  readonly code: string | null;
  readonly reason: string | null;
}

/** A letter without its record, for listings. */
export interface LetterEntry {
  readonly id: string;
  /** When the record was first refused, since the letter was last replayed or discarded. */
  readonly time: string;
  readonly status: "open" | "replayed" | "discarded";
  /** How many replays have met a refusal since then. */
  readonly tries: number;
  /** Of the last refusal. */
  readonly code: string;
  /** The last mark, where there is one. */
  readonly marked: LetterMark | null;
}

/** The letters of a stream. */
export interface LettersFound {
  readonly entries: readonly LetterEntry[];
  /** How many lines cannot be read, of any stream. */
  readonly unreadable: number;
  /** Where the first of those are, counted from 1. */
  readonly unreadableAt?: readonly number[];
  /** Whether the last line is one of them and has no end: it is being written, or its write was cut short. */
  readonly endsCutShort?: boolean;
}

/** A store of letters that can be read again. */
export interface DeadLetterStore extends DeadLetterSink {
  /** The letters of a stream in the order in which they were first refused, and how many lines cannot be read. */
  entries(key: StreamKey): LettersFound;
  /** The whole letter, as it was last written. */
  letter(entry: LetterEntry): DeadLetter;
  /** Throws as `add` does. */
  mark(mark: LetterMark): void;
  /** Deletes letters that were replayed or discarded, and their marks. Returns how many letters. */
  purge(key: StreamKey): number;
}

/** How many of a run's records may be refused: a number, or a share of those tried (0 to 1). */
export type RefusalLimit = { readonly records: number } | { readonly share: number };

/** What an output, or a filter, declares about records that it refuses. */
export interface OnError {
  readonly policy: ErrorPolicy;
  /**
   * Opens the store of letters, once a run. An output may declare it under any policy: filters without a store of their
   * own write to the output's.
   */
  readonly deadLetters?: () => DeadLetterSink;
  /** Opens the same store to list and replay letters; absent where it cannot be read again. */
  readonly keptLetters?: () => DeadLetterStore;
  /**
   * For an output: how many records may be refused in a run, by all stages together. Past it the run fails with
   * `TOO_MANY_REFUSED`. Without a limit, a run fails if every record was refused; a share of 1 means no limit.
   */
  readonly maxRefused?: RefusalLimit;
}

/** The refused records of one run, by the `onError` of what refuses them. */
export interface Refusals {
  /** Whether a run goes on without a refused record: the policy is not `fail`. */
  readonly goesOn: boolean;
  /** Adds a refused record. Throws its `failure` under `onError: fail`. */
  refuse(refusal: Refusal): void;
  /**
   * Makes all records refused so far durable. Called before the position moves past them: by the engine before each
   * `commit`, or by the output itself (`OutputSession.settlesRefusals`).
   */
  settle(): void;
}
