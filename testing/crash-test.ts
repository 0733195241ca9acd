import { systemClock } from "../src/clock.ts";
import type { Pipeline } from "../src/engine/ports.ts";
import { attemptSync } from "../src/engine/run/sync.ts";
import { TidemarkError } from "../src/errors.ts";
import { type IdentityPlan, identityOf } from "../src/model/identity.ts";
import type { SourceRecord } from "../src/model/record.ts";
import type { StateStore } from "../src/state/contract.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { Interrupter, type Interruption } from "./interrupter.ts";
import { MemoryTable, memoryOutput } from "./memory-output.ts";

export interface CrashTestOptions {
  /**
   * Called before each history: puts the source back to where a history begins. Not needed for a source
   * that answers the same to every run.
   */
  readonly reset?: () => void | Promise<void>;
  /**
   * Called between the first run, which is left undisturbed, and the one that is crashed: changes the
   * source, so that an incremental run is put to the test. Without it the crashed run is the first.
   */
  readonly change?: () => void | Promise<void>;
  /** The most calls of a run that are crashed, spread evenly over it: 500 unless given. */
  readonly most?: number;
  /** Called after each history, with how many were played so far, and of how many. */
  readonly onHistory?: (played: number, of: number) => void;
}

/** One crash after which something was lost or repeated. */
export interface CrashFinding {
  /** The call at which the run was crashed, counted from 1, and what it was: `output.commit`. */
  readonly step: number;
  readonly call: string;
  readonly when: "before" | "after";
  /** Identities of records that an undisturbed history delivers and this one did not. */
  readonly lost: readonly string[];
  /** Identities of records that were delivered more often than in an undisturbed history. */
  readonly repeated: readonly string[];
  /** Why the runs after the crash did not come to their end, where they did not. */
  readonly error: TidemarkError | null;
}

export interface CrashReport {
  /** The calls that an undisturbed run makes, in order. */
  readonly calls: readonly string[];
  /** How many histories were played, each with one crash. */
  readonly histories: number;
  /** How many records an undisturbed history delivers. */
  readonly records: number;
  readonly findings: readonly CrashFinding[];
}

/**
 * Crashes a sync of the pipeline at every call it makes, before the call and after it, one at a time,
 * lets the next run go on, and compares what was delivered with what an undisturbed history delivers.
 * Reports every record that was lost, or repeated by an output that promises not to.
 *
 * The pipeline's input and filters are its own; its output is replaced by one in memory that appends
 * or upserts as the pipeline's does, and its state by one in memory. Under `onError: deadLetter` records that
 * cannot be read are skipped. The source must give the same to each history: see `reset`.
 *
 * Throws what an undisturbed run throws. Use it in the tests of a connector or a pipeline:
 *
 * ```ts
 * const report = await crashTest(pipeline);
 * expect(report.findings).toEqual([]);
 * ```
 */
export async function crashTest(pipeline: Pipeline, options: CrashTestOptions = {}): Promise<CrashReport> {
  const bench = new CrashBench(pipeline, options);
  const undisturbed = await bench.play(null);
  if (undisturbed.error !== null) throw undisturbed.error;
  const interruptions = interruptionsOf(undisturbed.calls.length, options.most ?? 500);
  const findings: CrashFinding[] = [];
  for (const [index, interruption] of interruptions.entries()) {
    const finding = compared(undisturbed, await bench.play(interruption), interruption);
    if (finding !== null) findings.push(finding);
    options.onHistory?.(index + 1, interruptions.length);
  }
  return {
    calls: undisturbed.calls,
    histories: interruptions.length,
    records: undisturbed.delivered.size,
    findings,
  };
}

/** Before and after each call; where there are more calls than asked for, of calls evenly apart. */
function interruptionsOf(calls: number, most: number): Interruption[] {
  if (!Number.isInteger(most) || most < 1) {
    throw new TidemarkError("ARGUMENT_INVALID", `most is ${most}`, { hint: "Give a whole number from 1." });
  }
  const count = Math.min(calls, most);
  return Array.from({ length: count }, (_, index) => 1 + Math.floor((index * calls) / count)).flatMap(
    (at) => [
      { at, when: "before", kind: "crash" },
      { at, when: "after", kind: "crash" },
    ],
  );
}

interface Outcome {
  readonly calls: readonly string[];
  /** How often each record was delivered, by identity. */
  readonly delivered: ReadonlyMap<string, number>;
  readonly error: TidemarkError | null;
}

class CrashBench {
  readonly #pipeline: Pipeline;
  readonly #options: CrashTestOptions;
  readonly #identity: IdentityPlan;

  constructor(pipeline: Pipeline, options: CrashTestOptions) {
    this.#pipeline = pipeline;
    this.#options = options;
    this.#identity = { key: null, content: true };
  }

  /** One history: what comes before, the run that is crashed, and the runs that complete what it left. */
  async play(interruption: Interruption | null): Promise<Outcome> {
    const table = new MemoryTable();
    const { appends, onError } = this.#pipeline.output;
    // What the pipeline would write to its dead-letter file is left out.
    const policy = onError === undefined || onError.policy === "fail" ? "fail" : "skip";
    const pipeline: Pipeline = {
      ...this.#pipeline,
      onConcurrentRun: "takeover",
      output: { ...memoryOutput(table, { appends }), onError: { policy } },
    };
    await using state = openMemoryState({ clock: systemClock });
    await this.#options.reset?.();
    if (this.#options.change !== undefined) {
      const { error } = await attemptSync(pipeline, { state });
      if (error !== null) throw error;
      await this.#options.change();
    }
    const interrupter = new Interrupter(interruption);
    await attemptSync(interrupter.pipeline(pipeline), { state: interrupter.state(state) });
    const error = await this.#completed(pipeline, state);
    return { calls: interrupter.calls, delivered: this.#counted(table), error };
  }

  /** A run that fails once may do so for what the crash left behind; the next must not. */
  async #completed(pipeline: Pipeline, state: StateStore): Promise<TidemarkError | null> {
    const first = await attemptSync(pipeline, { state });
    return first.error === null ? null : (await attemptSync(pipeline, { state })).error;
  }

  #counted(table: MemoryTable): Map<string, number> {
    const counts = new Map<string, number>();
    for (const record of table.rows) {
      const identity = this.#nameOf(record);
      counts.set(identity, (counts.get(identity) ?? 0) + 1);
    }
    return counts;
  }

  /** By its key, as far as it has one, and by its content, so that each version of a record counts. */
  #nameOf(record: SourceRecord): string {
    const { key } = this.#pipeline.input.incremental;
    const content = identityOf(record, this.#identity);
    try {
      return key === null
        ? content
        : `${identityOf(record, { key, content: false })} (${content.slice(0, 8)})`;
    } catch {
      return content;
    }
  }
}

function compared(expected: Outcome, found: Outcome, { at, when }: Interruption): CrashFinding | null {
  const lost: string[] = [];
  const repeated: string[] = [];
  for (const [identity, count] of expected.delivered) {
    const times = found.delivered.get(identity) ?? 0;
    if (times < count) lost.push(identity);
    if (times > count) repeated.push(identity);
  }
  for (const identity of found.delivered.keys())
    if (!expected.delivered.has(identity)) repeated.push(identity);
  if (lost.length === 0 && repeated.length === 0 && found.error === null) return null;
  return { step: at, call: expected.calls[at - 1] ?? "?", when, lost, repeated, error: found.error };
}
