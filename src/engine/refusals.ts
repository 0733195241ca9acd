import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { contentHash } from "../model/identity.ts";
import { stringifyJson } from "../model/json.ts";
import { isRecord } from "../model/record.ts";
import type { StreamKey } from "../model/stream-key.ts";
import type { DeadLetter, DeadLetterSink, OnError, Refusal, Refusals, Warn } from "./ports.ts";

/** How many refused records are held until the next checkpoint; more go to the sink at once. */
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
  readonly key: StreamKey;
  readonly clock: Clock;
  readonly warn: Warn;
  /** A look at what a run would do counts refused records and keeps none. */
  readonly dryRun?: boolean;
}

/**
 * The refused records of one run. They are held until they are settled, so that a run that fails before
 * its checkpoint leaves few letters of records that the next run meets again. Memory is bounded.
 */
export class RunRefusals implements Refusals {
  readonly goesOn: boolean;
  readonly #parts: RefusalParts;
  readonly #sink: DeadLetterSink | null;
  #runId: string | null = null;
  #held: Refusal[] = [];
  #unsettled = 0;
  #settled = 0;

  constructor(onError: OnError | undefined, parts: RefusalParts) {
    this.goesOn = onError !== undefined && onError.policy !== "fail";
    this.#parts = parts;
    const keeps = onError?.policy === "deadLetter" && parts.dryRun !== true;
    this.#sink = keeps ? (onError.deadLetters?.() ?? null) : null;
  }

  /** How many are settled: durable, or counted where they are skipped. */
  get count(): number {
    return this.#settled;
  }

  /** Whether any wait to be settled. */
  get pending(): boolean {
    return this.#unsettled > 0;
  }

  /** Says which run they belong to. */
  begin(runId: string): void {
    this.#runId = runId;
  }

  refuse(refusal: Refusal): void {
    if (!this.goesOn) throw refusal.failure ?? refusal.reason;
    this.#held.push(refusal);
    this.#unsettled += 1;
    if (this.#held.length >= mostHeld) this.#handOver();
  }

  settle(): void {
    if (this.#unsettled === 0) return;
    this.#handOver();
    this.#sink?.sync();
    this.#settled += this.#unsettled;
    this.#unsettled = 0;
  }

  close(): void {
    this.#held = [];
    this.#sink?.close();
  }

  #handOver(): void {
    for (const refusal of this.#held) {
      const { name, reason } = refusal;
      if (this.#sink === null) this.#parts.warn("RECORDS_SKIPPED", `skipped ${name}: ${reason.message}`);
      else {
        this.#sink.add(this.#letterOf(refusal));
        this.#parts.warn("RECORDS_DEAD_LETTERED", `wrote ${name} to ${this.#sink.place}: ${reason.message}`);
      }
    }
    this.#held = [];
  }

  #letterOf({ record, reason, stage = "output" }: Refusal): DeadLetter {
    const { key, clock } = this.#parts;
    const { field, status } = reason.details ?? {};
    return {
      time: new Date(clock.now()).toISOString(),
      connector: key.connector,
      stream: key.stream,
      run: this.#runId,
      stage,
      code: reason.code,
      field: typeof field === "string" ? field : null,
      status: typeof status === "number" ? status : null,
      reason: reason.message,
      id: letterId(key, stage, record),
      record,
    };
  }
}

/** The same for the same content, in whatever order its fields are. */
function letterId({ connector, stream }: StreamKey, stage: string, record: unknown): string {
  const text = stringifyJson([connector, stream, stage, nameOfContent(record)]);
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}

/** A text that two refused records share exactly when they have the same content. */
export function nameOfContent(record: unknown): string {
  try {
    return contentHash(isRecord(record) ? record : { value: record });
  } catch {
    // Nested too deeply to be walked; it is told apart by what can be printed of it.
    return String(record);
  }
}
