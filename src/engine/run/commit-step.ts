import type { Position } from "../../model/position.ts";
import type { InputSession, PartitionMove } from "../ports.ts";
import { withDedupedFrom } from "../tracking/dedupe-window.ts";
import type { StoredRange } from "../tracking/range.ts";
import { withFacts } from "./facts.ts";
import type { RunParts } from "./run-parts.ts";

/** What one commit stores. */
export interface CommitStep {
  /** The position of the stream as a whole. */
  readonly position: Position;
  /** The positions of the partitions that have moved. */
  readonly partitions: readonly PartitionMove[];
  readonly windowFinished: boolean;
}

/** The positions that a run moves, known once it is planned. */
export interface MovedPositions {
  /** The stream; null where its partitions move instead. */
  readonly range: StoredRange | null;
  /** The input, whose facts are kept with the position. */
  readonly input: Pick<InputSession, "facts">;
}

/**
 * Makes the commit steps of one run: the positions that its ranges have reached, with the facts and the place stored
 * with them.
 */
export class CommitSteps {
  readonly #parts: Pick<RunParts, "run" | "session" | "pipeline">;
  #start: Position;
  #moving: MovedPositions | null = null;

  constructor(parts: Pick<RunParts, "run" | "session" | "pipeline">, start: Position) {
    this.#parts = parts;
    this.#start = start;
  }

  /** The stream's position when the run began to read. */
  get start(): Position {
    return this.#start;
  }

  get moving(): MovedPositions | null {
    return this.#moving;
  }

  follow(moving: MovedPositions): void {
    this.#moving = moving;
  }

  /** The stream's position before anything is read. */
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

  /** The facts that the input has learned; undefined where it has none, or the run may not change them. */
  facts(): ReadonlySet<string> | undefined {
    return this.#parts.run.kind === "live" ? this.#moving?.input.facts?.() : undefined;
  }

  /** The position with the output's place. */
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

/** The partitions in the form of a checkpoint: absent where none has moved. */
export function partitionsOf({ partitions }: CommitStep): { partitions?: readonly PartitionMove[] } {
  return partitions.length === 0 ? {} : { partitions };
}
