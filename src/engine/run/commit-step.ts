import type { Position } from "../../model/position.ts";
import type { InputSession, PartitionMove } from "../ports.ts";
import { withDedupedFrom } from "../tracking/dedupe-window.ts";
import type { StoredRange } from "../tracking/range.ts";
import { withFacts } from "./facts.ts";
import type { RunParts } from "./run-parts.ts";

/** What one commit stores. */
export interface CommitStep {
  /** Of the stream as a whole. */
  readonly position: Position;
  /** Of the partitions that have moved. */
  readonly partitions: readonly PartitionMove[];
  readonly windowFinished: boolean;
}

/** What a run moves on, known once it is planned. */
export interface Moving {
  /** The stream; null where its partitions are moved on instead. */
  readonly range: StoredRange | null;
  /** The input, whose facts are kept with the position. */
  readonly input: Pick<InputSession, "facts">;
}

/** Makes the steps of one run: the positions that its ranges have reached, with what else is kept with them. */
export class CommitSteps {
  readonly #parts: Pick<RunParts, "run" | "session" | "pipeline">;
  #start: Position;
  #moving: Moving | null = null;

  constructor(parts: Pick<RunParts, "run" | "session" | "pipeline">, start: Position) {
    this.#parts = parts;
    this.#start = start;
  }

  /** Where the stream stood when the run began to read. */
  get start(): Position {
    return this.#start;
  }

  get moving(): Moving | null {
    return this.#moving;
  }

  follow(moving: Moving): void {
    this.#moving = moving;
  }

  /** Where the stream stands before anything is read. */
  beforeReading(position: Position, windowFinished: boolean): CommitStep {
    this.#start = position;
    return { position: this.#placed(position), partitions: [], windowFinished };
  }

  reached(partitions: readonly PartitionMove[], windowFinished: boolean): CommitStep {
    const reached = this.#moving?.range?.position() ?? this.#start;
    const facts = this.facts() ?? new Set(this.#start.facts);
    const position = withFacts(this.#deduped(reached, windowFinished), facts);
    return {
      position: this.#placed(position),
      partitions: partitions.map((move) => ({ ...move, position: this.#placed(move.position) })),
      windowFinished,
    };
  }

  /** What the input knows of its source; undefined where it keeps nothing, or the run may not change it. */
  facts(): ReadonlySet<string> | undefined {
    return this.#parts.run.kind === "live" ? this.#moving?.input.facts?.() : undefined;
  }

  /** The position with the place that it is committed in. */
  #placed(position: Position): Position {
    const { place } = this.#parts.session;
    return place === undefined || place === position.place ? position : { ...position, place };
  }

  #deduped(position: Position, windowFinished: boolean): Position {
    const { pipeline, run } = this.#parts;
    if (run.kind !== "live") return position;
    return withDedupedFrom(pipeline.input.incremental, this.#start, position, windowFinished);
  }
}

/** As the state and the output take them: absent where no partition has moved. */
export function partitionsOf({ partitions }: CommitStep): { partitions?: readonly PartitionMove[] } {
  return partitions.length === 0 ? {} : { partitions };
}
