import type { Position } from "../../../model/position.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import type { StreamRow } from "../../rows.ts";

const mostStreams = 10_000;
/** Tie sets and coverage are cached completely while a run goes on, and after that only up to this many entries. */
const mostChildRows = 100;

/** A stream's row as it was seen, and the text in which its position is stored. */
export interface Seen {
  readonly row: StreamRow;
  readonly position: string;
  /** Whether the row was found to agree with its log. */
  readonly isCompared: boolean;
}

/**
 * A cache of this process's streams, so that a step need not read the row. The cached row is never trusted: a step
 * takes effect only if the stored row still equals it.
 */
export class LastSeen {
  readonly #streams = new Map<string, Seen>();

  of(key: StreamKey, scope: string): Seen | null {
    const seen = this.#streams.get(nameOf(key, scope));
    return seen === undefined ? null : copyOf(seen);
  }

  set(seen: Seen): void {
    const { key, scope, status, position } = seen.row;
    this.forget(key, scope);
    if (status !== "running" && position.tieSet.length + position.coverage.length > mostChildRows) return;
    this.#streams.set(nameOf(key, scope), copyOf(seen));
    if (this.#streams.size <= mostStreams) return;
    const [oldest] = this.#streams.keys();
    if (oldest !== undefined) this.#streams.delete(oldest);
  }

  forget(key: StreamKey, scope: string): void {
    this.#streams.delete(nameOf(key, scope));
  }
}

/** Copies, since callers may change the objects that they pass or receive. */
function copyOf({ row, ...seen }: Seen): Seen {
  return { ...seen, row: { ...row, position: copyOfPosition(row.position) } };
}

function copyOfPosition(position: Position): Position {
  const { secondaryCursors, window, tieSet, coverage } = position;
  return {
    ...position,
    secondaryCursors: { ...secondaryCursors },
    window:
      window === null ? null : { ...window, resume: window.resume === null ? null : { ...window.resume } },
    tieSet: tieSet.map((member) => ({ ...member })),
    coverage: coverage.map((interval) => ({ ...interval })),
  };
}

function nameOf({ connector, stream }: StreamKey, scope: string): string {
  return `${connector}\n${stream}\n${scope}`;
}
