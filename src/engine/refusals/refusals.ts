import type { Clock } from "../../clock.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { DeadLetterSink, OnError, Pipeline, Refusal, Refusals, Warn } from "../ports.ts";
import { type LetterSource, letterOf } from "./dead-letters.ts";
import { RefusalAccount } from "./refusal-limit.ts";

/** How many refused records are held until the next checkpoint; further ones are written at once. */
const mostHeld = 1_000;

/** A policy under which every refused record fails the run. */
export const failOnRefusal: Refusals = {
  goesOn: false,
  refuse({ reason, failure = reason }) {
    throw failure;
  },
  settle() {},
};

export interface RefusalParts {
  readonly pipeline: LetterSource & { readonly output: Pick<Pipeline["output"], "kind" | "onError"> };
  readonly clock: Clock;
  readonly warn: Warn;
  /** For a preview: counts refused records and stores none. */
  readonly dryRun?: boolean;
}

/** A refused record that is not durable yet. */
interface Held {
  readonly refusal: Refusal;
  readonly partition: string | null;
  readonly by: string;
  /** Null where it is skipped. */
  readonly sink: DeadLetterSink | null;
}

/**
 * The refused records of one run. Unreadable records and those that the output refuses follow the output's `onError`,
 * those of a filter its own (`ofFilter`). They are held until the next checkpoint, so that a run that fails before it
 * leaves few letters of records that the next run reads again. Memory is bounded.
 */
export class RunRefusals implements Refusals {
  readonly goesOn: boolean;
  readonly #parts: RefusalParts;
  /** By path, so that a filter and the output that share a file use one handle. */
  readonly #sinks = new Map<string, DeadLetterSink>();
  readonly #sink: DeadLetterSink | null;
  /** In a run of partitions: the partition of records handed to the output and not settled yet. */
  #partitions = new WeakMap<object, string>();
  #partition: string | null = null;
  #runId: string | null = null;
  readonly #account: RefusalAccount;
  #refusesLate = false;
  #isEnding = false;
  #isStopped = false;
  #held: Held[] = [];
  #unsettled = 0;
  #settled = 0;
  /** How many of each go to dead letters. */
  #unsettledLetters = 0;
  #settledLetters = 0;

  constructor(parts: RefusalParts) {
    const { onError } = parts.pipeline.output;
    this.#parts = parts;
    this.goesOn = goesOn(onError);
    this.#sink = this.#opened(onError);
    this.#account = new RefusalAccount(onError?.maxRefused ?? null);
  }

  /** How many are settled: durable as letters, or counted as skipped. */
  get count(): number {
    return this.#settled;
  }

  /** How many of those are dead letters; the others were skipped. */
  get letterCount(): number {
    return this.#settledLetters;
  }

  /** Whether any wait to be settled. */
  get pending(): boolean {
    return this.#unsettled > 0;
  }

  /** Sets the run they belong to, and whether the output may still refuse records in its `commit`. */
  begin(runId: string, { refusesLate = false }: { readonly refusesLate?: boolean } = {}): void {
    this.#runId = runId;
    this.#refusesLate = refusesLate;
  }

  /**
   * Whether nothing may be committed yet: too large a share was refused, but too few records were tried to fail the
   * run. The following records decide.
   */
  get holdsBack(): boolean {
    return this.#isStopped || this.#account.holdsBack;
  }

  /**
   * Whether a due checkpoint must wait for more records, since too few were tried and the output may still refuse some.
   */
  get awaitsMore(): boolean {
    return this.goesOn && this.#refusesLate && this.#account.awaitsMore;
  }

  /** Sets how many records the current page has, and its partition; null in a stream without partitions. */
  read(partition: string | null, records: number): void {
    this.#partition = partition;
    this.#account.read(records);
  }

  /** Sets how many of them are new to the run. */
  filtered(records: number): void {
    this.#account.filtered(records);
  }

  /** Records that these go to the output, which may refuse them later together with those of other partitions. */
  handed(records: readonly SourceRecord[]): void {
    this.#account.handed(records.length);
    if (this.#partition === null) return;
    for (const record of records) this.#partitions.set(record, this.#partition);
  }

  /** Records how many of them the output has taken or refused. */
  given(records: number): void {
    this.#account.given(records);
  }

  refuse(refusal: Refusal): void {
    if (!this.goesOn) throw refusal.failure ?? refusal.reason;
    const { input, output } = this.#parts.pipeline;
    const by = refusal.stage === "input" ? input.kind : output.kind;
    this.#take({ refusal, by, partition: this.#partitionOf(refusal), sink: this.#sink });
  }

  /**
   * The account of one filter, made once a run. Its refused records follow its own `onError`, and go to its own dead
   * letters or, where it declares none, to the output's. `by` names it: `filters[1] script`. Pass each refused record
   * as it was read, before all filters.
   */
  ofFilter(onError: OnError | undefined, by: string): Refusals {
    const sink = onError?.policy === "deadLetter" ? (this.#opened(onError) ?? this.#outputsSink()) : null;
    return {
      goesOn: goesOn(onError),
      refuse: (refusal) => {
        if (!goesOn(onError)) throw refusal.failure ?? refusal.reason;
        const partition = this.#partition;
        this.#take({ refusal: { ...refusal, stage: "filter" }, by, partition, sink });
      },
      settle: () => this.settle(),
    };
  }

  /** Applies the limit to the whole run, before its last commit. */
  end(): void {
    this.#isEnding = true;
  }

  settle(): void {
    this.#judge();
    if (this.#unsettled === 0) return;
    this.#handOver();
    for (const sink of this.#sinks.values()) sink.sync();
    this.#settled += this.#unsettled;
    this.#unsettled = 0;
    this.#settledLetters += this.#unsettledLetters;
    this.#unsettledLetters = 0;
  }

  /** Drops unsettled records: their letters cannot be written, and no position moves past them. */
  letGo(): void {
    this.#held = [];
    this.#unsettled = 0;
    this.#unsettledLetters = 0;
  }

  close(): void {
    this.#held = [];
    for (const sink of this.#sinks.values()) sink.close();
  }

  #judge(): void {
    try {
      this.#account.judge({ atEnd: this.#isEnding });
    } catch (error) {
      this.#isStopped = true;
      throw error;
    }
  }

  #take(held: Held): void {
    if (this.#parts.dryRun !== true) this.#account.refused(held.refusal);
    this.#held.push(held);
    this.#unsettled += 1;
    if (held.sink !== null) this.#unsettledLetters += 1;
    if (this.#held.length >= mostHeld) this.#handOver();
  }

  /** A declared dead-letter file is used for filters even where the output itself keeps no letters. */
  #outputsSink(): DeadLetterSink | null {
    return this.#sink ?? this.#open(this.#parts.pipeline.output.onError?.deadLetters);
  }

  #opened(onError: OnError | undefined): DeadLetterSink | null {
    return onError?.policy === "deadLetter" ? this.#open(onError.deadLetters) : null;
  }

  #open(deadLetters: OnError["deadLetters"]): DeadLetterSink | null {
    if (deadLetters === undefined || this.#parts.dryRun === true) return null;
    const sink = deadLetters();
    const known = this.#sinks.get(sink.place);
    if (known !== undefined) {
      sink.close();
      return known;
    }
    this.#sinks.set(sink.place, sink);
    return sink;
  }

  #partitionOf({ record }: Refusal): string | null {
    if (typeof record !== "object" || record === null) return this.#partition;
    return this.#partitions.get(record) ?? this.#partition;
  }

  #handOver(): void {
    const { pipeline, clock, warn } = this.#parts;
    for (const { refusal, partition, by, sink } of this.#held) {
      const { name, reason } = refusal;
      if (sink === null) warn("RECORDS_SKIPPED", `skipped ${name}: ${reason.message}`);
      else {
        const time = new Date(clock.now()).toISOString();
        sink.add(letterOf(refusal, pipeline, { time, run: this.#runId, partition, by }));
        warn("RECORDS_DEAD_LETTERED", `wrote ${name} to ${sink.place}: ${reason.message}`);
      }
    }
    this.#held = [];
  }
}

function goesOn(onError: OnError | undefined): boolean {
  return onError !== undefined && onError.policy !== "fail";
}
