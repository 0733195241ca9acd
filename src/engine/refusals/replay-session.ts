import { isTidemarkError, TidemarkError } from "../../errors.ts";
import { emptyPosition } from "../../model/position.ts";
import { isRecord, type SourceRecord } from "../../model/record.ts";
import { redact } from "../../secrets.ts";
import type { Run } from "../../state/contract.ts";
import { FilterChain } from "../filtering/filter-chain.ts";
import type {
  DeadLetter,
  DeadLetterStore,
  LetterEntry,
  OutputSession,
  PartContext,
  Pipeline,
  Refusal,
  Refusals,
} from "../ports.ts";
import { unreadableBy } from "../tracking/readable-records.ts";
import { letterOf } from "./dead-letters.ts";
import { failOnRefusal } from "./refusals.ts";

/**
 * The outcome of one letter: `replayed`, also where the filters now drop its record or the output holds a newer row;
 * `refused` again, so that it stays open; or `kept`, because the output has a row that may be newer.
 */
export type ReplayOutcome = "replayed" | "refused" | "kept";

export interface ReplayedLetter {
  readonly id: string;
  readonly outcome: ReplayOutcome;
  /** How many records the output received for it. */
  readonly records: number;
  /** For `refused` and `kept`: the code and why. */
  readonly code: string | null;
  readonly reason: string | null;
}

export interface ReplaySessionParts {
  readonly pipeline: Pipeline;
  readonly letters: DeadLetterStore;
  readonly overwrite: boolean;
  readonly actor: string;
  readonly context: PartContext;
}

/** The deliveries of one replay: each letter is a transaction of its own. */
export class ReplaySession {
  readonly context: PartContext;
  readonly done: ReplayedLetter[] = [];
  recordsWritten = 0;
  readonly #parts: ReplaySessionParts;
  #run: Run | null = null;
  #output: OutputSession | null = null;
  #sequence = 0;
  /** The current letter, and the refused records of it. */
  #letter: DeadLetter | null = null;
  #records = 0;
  #refused: Refusal[] = [];
  #settled = false;

  constructor(parts: ReplaySessionParts) {
    this.#parts = parts;
    this.context = parts.context;
  }

  /** Receives the output's refusals; a replay always continues with the other letters. */
  readonly refusals: Refusals = {
    goesOn: true,
    refuse: (refusal) => void this.#refused.push(refusal),
    settle: () => this.#settle(),
  };

  counts(): Record<ReplayOutcome, number> {
    const counts = { replayed: 0, refused: 0, kept: 0 };
    for (const { outcome } of this.done) counts[outcome] += 1;
    return counts;
  }

  /** Fences the output, and marks the letters that an earlier replay delivered but did not mark. */
  async begin(run: Run, output: OutputSession): Promise<void> {
    const { pipeline, letters } = this.#parts;
    this.#run = run;
    this.#output = output;
    await output.fence(run.epoch, run.runId);
    const open = letters.entries(pipeline.key).entries.filter(({ status }) => status === "open");
    const known = (await output.delivered?.(open.map(deliveryOf))) ?? new Set<string>();
    for (const entry of open) if (known.has(deliveryOf(entry))) this.#mark(entry, "replayed", null);
    letters.sync();
  }

  /** Delivers one letter, and marks it. Throws errors that are not refusals; the letter then stays open. */
  async replay(entry: LetterEntry): Promise<ReplayedLetter> {
    const letter = this.#parts.letters.letter(entry);
    const records = await this.#recordsOf(letter);
    const outcome =
      records instanceof TidemarkError
        ? this.#refusedAgain(entry, records)
        : await this.#deliver(entry, letter, records);
    this.done.push(outcome);
    return outcome;
  }

  /** Drops the delivered identities that the output kept for the letters, all of which are marked now. */
  async finish(): Promise<void> {
    await this.#commit(true);
  }

  /**
   * The records for the output: the letter's record, or what the filters now make of it; or the reason why there are
   * none.
   */
  async #recordsOf({ record, stage }: DeadLetter): Promise<readonly SourceRecord[] | TidemarkError> {
    const { pipeline } = this.#parts;
    if (!isRecord(record)) {
      return new TidemarkError("RECORD_INVALID", "it is no record, so that nothing can be made of it");
    }
    if (stage === "output") return [record];
    const problem = stage === "input" ? unreadableBy(record, pipeline.input.incremental) : null;
    if (problem !== null) return problem;
    const context = { ...this.context, runId: this.#opened().run.runId };
    const chain = new FilterChain(pipeline.filters, context, { ofFilter: () => failOnRefusal }, false);
    try {
      return await chain.apply([record]);
    } catch (error) {
      if (isTidemarkError(error, "FILTER_FAILED")) return error;
      throw error;
    }
  }

  async #deliver(
    entry: LetterEntry,
    letter: DeadLetter,
    records: readonly SourceRecord[],
  ): Promise<ReplayedLetter> {
    const { output } = this.#opened();
    const kept = await this.#keptBy(output, records);
    if (kept !== null) return { id: entry.id, outcome: "kept", records: 0, ...kept };
    this.#letter = letter;
    this.#records = records.length;
    this.#refused = [];
    this.#settled = false;
    if (records.length > 0) {
      await output.write({
        records,
        ...(output.delivered === undefined ? {} : { deliveries: [deliveryOf(entry)] }),
      });
    }
    await this.#commit(false);
    const [first] = this.#refused;
    if (first !== undefined && this.#refused.length >= records.length) {
      return {
        id: entry.id,
        outcome: "refused",
        records: 0,
        code: first.reason.code,
        reason: first.reason.message,
      };
    }
    this.#mark(entry, "replayed", null);
    this.#parts.letters.sync();
    const written = records.length - this.#refused.length;
    this.recordsWritten += written;
    return { id: entry.id, outcome: "replayed", records: written, code: null, reason: null };
  }

  /** Why a letter is not delivered: it would replace a row that may be newer. */
  async #keptBy(
    output: OutputSession,
    records: readonly SourceRecord[],
  ): Promise<{ code: string; reason: string } | null> {
    if (this.#parts.overwrite || output.replaces === undefined) return null;
    for (const record of records) {
      if ((await output.replaces(record)) !== "anything") continue;
      const reason = "the output has a row with its key, and it is not known which of the two is newer";
      return { code: "ROW_EXISTS", reason };
    }
    return null;
  }

  async #commit(isLast: boolean): Promise<void> {
    const { output, run } = this.#opened();
    if (output.settlesRefusals !== true) this.#settle();
    this.#sequence += 1;
    await output.commit({
      epoch: run.epoch,
      sequence: this.#sequence,
      position: emptyPosition,
      cursorType: null,
      windowFinished: isLast,
    });
  }

  /**
   * Runs before the rows are durable: marks a letter that was refused again, and stores refused results of a letter as
   * letters of their own.
   */
  #settle(): void {
    const { pipeline, letters, context } = this.#parts;
    const letter = this.#letter;
    const [first] = this.#refused;
    if (letter === null || first === undefined || this.#settled) return;
    this.#settled = true;
    if (this.#refused.length >= this.#records) this.#markRefused(letter.id, first.reason);
    else {
      const time = new Date(context.clock.now()).toISOString();
      const { partition } = letter;
      const run = this.#opened().run.runId;
      for (const refusal of this.#refused) {
        letters.add(letterOf(refusal, pipeline, { time, run, partition, by: pipeline.output.kind }));
      }
    }
    letters.sync();
  }

  #refusedAgain({ id }: LetterEntry, error: TidemarkError): ReplayedLetter {
    this.#markRefused(id, error);
    this.#parts.letters.sync();
    return { id, outcome: "refused", records: 0, code: error.code, reason: error.message };
  }

  #markRefused(id: string, error: TidemarkError): void {
    this.#mark({ id }, "refused", error);
  }

  #mark({ id }: Pick<LetterEntry, "id">, mark: "replayed" | "refused", error: TidemarkError | null): void {
    const { letters, actor, context } = this.#parts;
    letters.mark({
      mark,
      letter: id,
      time: new Date(context.clock.now()).toISOString(),
      run: this.#opened().run.runId,
      actor,
      code: error?.code ?? null,
      reason: error === null ? null : redact(error.message),
    });
  }

  #opened(): { readonly run: Run; readonly output: OutputSession } {
    if (this.#run === null || this.#output === null) {
      throw new TidemarkError("INTERNAL", "a letter was replayed before the output was fenced");
    }
    return { run: this.#run, output: this.#output };
  }
}

/** The identity of one attempt at a letter; the next attempt after a refusal has another identity. */
function deliveryOf({ id, time, tries }: LetterEntry): string {
  return `${id}@${time}@${tries}`;
}
