import { systemClock } from "../../src/clock.ts";
import type {
  Commit,
  Output,
  OutputContext,
  OutputSession,
  Refusal,
  Refusals,
} from "../../src/engine/ports.ts";
import { TidemarkError } from "../../src/errors.ts";
import { emptyPosition, type Position } from "../../src/model/position.ts";
import type { SourceRecord } from "../../src/model/record.ts";

/** An empty place to write to, and what a reader beside the output finds there. */
export interface OutputDestination {
  readonly output: Output;
  /** The ids of the rows that are committed, in any order, with repetitions. */
  readonly ids: () => Promise<readonly number[]>;
  /** Whether a destination is one stream's, so that any other is refused with `CONFIG_INCOHERENT`. Default: no. */
  readonly oneStream?: boolean;
  /** A record that the output refuses, of this id; the cases about refusals need it. */
  readonly refused?: (id: number) => SourceRecord;
  readonly dispose: () => Promise<void>;
}

interface Place {
  readonly stream?: string;
  readonly scope?: string;
  readonly refusals?: Refusals;
}

/** Refusals under a policy that goes on, with what is settled of them. */
export class KeptRefusals implements Refusals {
  readonly goesOn = true;
  readonly refused: Refusal[] = [];
  settled = 0;
  beforeSettling: () => void = () => {};

  refuse(refusal: Refusal): void {
    this.refused.push(refusal);
  }

  settle(): void {
    this.beforeSettling();
    this.settled = this.refused.length;
  }
}

/** Commits as the engine does: what was refused is settled first, unless the output does it. */
export async function settleAndCommit(
  session: OutputSession,
  refusals: Refusals,
  commit: Commit,
): Promise<number | null> {
  if (session.settlesRefusals !== true) refusals.settle();
  const committed = await session.commit(commit);
  return committed?.written ?? null;
}

export class Bench {
  readonly #destination: OutputDestination;
  readonly #sessions: OutputSession[];

  constructor(destination: OutputDestination, sessions: OutputSession[]) {
    this.#destination = destination;
    this.#sessions = sessions;
  }

  get appends(): boolean {
    return this.#destination.output.appends;
  }

  get oneStream(): boolean {
    return this.#destination.oneStream ?? false;
  }

  get refused(): OutputDestination["refused"] {
    return this.#destination.refused;
  }

  async open({ stream = "events", scope = "", refusals }: Place = {}): Promise<OutputSession> {
    const context: OutputContext = {
      key: { connector: "acme", stream },
      clock: systemClock,
      signal: new AbortController().signal,
      warn: () => {},
      scope,
      leaseSeconds: 60,
      ...(refusals === undefined ? {} : { refusals }),
    };
    const session = await this.#destination.output.open(context);
    this.#sessions.push(session);
    return session;
  }

  async fenced(epoch: number, place?: Place): Promise<OutputSession> {
    const session = await this.open(place);
    await session.fence(epoch);
    return session;
  }

  async close(session: OutputSession): Promise<void> {
    this.#sessions.splice(this.#sessions.indexOf(session), 1);
    await session.close();
  }

  async ids(): Promise<number[]> {
    return [...(await this.#destination.ids())].sort((a, b) => a - b);
  }
}

export function records(...ids: readonly number[]): { records: SourceRecord[] } {
  return { records: ids.map((id) => ({ id, value: `value ${id}` })) };
}

export function commitOf(epoch: number, sequence: number, more: Partial<Commit> = {}): Commit {
  const position: Position = { ...emptyPosition, watermark: String(sequence) };
  return { epoch, sequence, position, cursorType: "numeric_id", windowFinished: true, ...more };
}

export function superseded(error: unknown): boolean {
  return error instanceof TidemarkError && error.code === "RUN_SUPERSEDED";
}

export function incoherent(error: unknown): boolean {
  return error instanceof TidemarkError && error.code === "CONFIG_INCOHERENT";
}

/** What an output must do, by what it promises. */
export type Cases = Readonly<Record<string, (bench: Bench) => Promise<void>>>;
