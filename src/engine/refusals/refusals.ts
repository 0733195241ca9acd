import type { Clock } from "../../clock.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { DeadLetterSink, OnError, Pipeline, Refusal, Refusals, Warn } from "../ports.ts";
import { type LetterSource, letterOf } from "./dead-letters.ts";
import { RefusalAccount } from "./refusal-limit.ts";

/** How many refused records are held until the next checkpoint; more go to their sinks at once. */
const mostHeld = 1_000;

/** Has every refused record fail the run. */
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
  /** A look at what a run would do counts refused records and keeps none. */
  readonly dryRun?: boolean;
}

/** A record that waits to be settled. */
interface Held {
  readonly refusal: Refusal;
  readonly partition: string | null;
  readonly by: string;
  /** Null where it is skipped. */
  readonly sink: DeadLetterSink | null;
}

/**
 * The refused records of one run, whatever refuses them: those that cannot be read and those that the output refuses
 * go by the output's `onError`, those of a filter by its own (`ofFilter`). They are held until they are settled, so
 * that a run that fails before its checkpoint leaves few letters of records that the next run meets again. Memory
 * is bounded.
 */
export class RunRefusals implements Refusals {
  readonly goesOn: boolean;
  readonly #parts: RefusalParts;
  /** By place, so that a filter and the output that share a file write to it by one handle. */
  readonly #sinks = new Map<string, DeadLetterSink>();
  readonly #sink: DeadLetterSink | null;
  /** The partition of what a run of partitions has given to its output and not settled yet. */
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

  /** How many are settled: durable, or counted where they are skipped. */
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

  /** Says which run they belong to, and whether the output may refuse records as late as in its `commit`. */
  begin(runId: string, { refusesLate = false }: { readonly refusesLate?: boolean } = {}): void {
    this.#runId = runId;
    this.#refusesLate = refusesLate;
  }

  /**
   * Whether nothing may be committed for now: too many of what was tried are refused, and few were tried. The run goes
   * on, and what comes decides. Or too many were, and the run ends.
   */
  get holdsBack(): boolean {
    return this.#isStopped || this.#account.holdsBack;
  }

  /** Whether a checkpoint that is due is to wait for more records, since what the output refuses of few is not known yet. */
  get awaitsMore(): boolean {
    return this.goesOn && this.#refusesLate && this.#account.awaitsMore;
  }

  /** Says how many records the page at hand has, and of which partition it is; null in a stream without any. */
  read(partition: string | null, records: number): void {
    this.#partition = partition;
    this.#account.read(records);
  }

  /** Says how many of them are new to the run. */
  filtered(records: number): void {
    this.#account.filtered(records);
  }

  /** Says that these go to the output: it may refuse them later, among those of other partitions. */
  handed(records: readonly SourceRecord[]): void {
    this.#account.handed(records.length);
    if (this.#partition === null) return;
    for (const record of records) this.#partitions.set(record, this.#partition);
  }

  /** Says that the output has dealt with so many of them. */
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
   * The account of one filter, to be made once a run: what it refuses goes by its own `onError`, into its own
   * dead letters or, where it declares none, into the output's. `by` names it: `filters[1] script`. To be given
   * each refused record as it was read, before all filters.
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

  /** Says that the run's last commit comes now, before which all that it refused is judged. */
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

  /** Gives up what waits to be settled: its letters cannot be kept, and no position passes the records. */
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

  /** A file that is declared serves filters too, where the output itself keeps no letters. */
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
