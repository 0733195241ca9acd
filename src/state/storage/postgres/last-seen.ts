import type { Position } from "../../../model/position.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import type { StreamRow } from "../../rows.ts";

const mostStreams = 10_000;
/** Tie sets and coverage are remembered whole while a run goes on, and after that up to so many entries. */
const mostChildRows = 100;

/** A stream's row as it was seen, and the text in which its position is stored. */
export interface Seen {
  readonly row: StreamRow;
  readonly position: string;
  /** Whether the row was found to agree with its log. */
  readonly isCompared: boolean;
}

/**
 * How this process last saw its streams, so that a step need not read what is known. It is never
 * trusted: a step takes effect only where the stored row is still as it was seen.
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

/** Callers may go on to change what they gave or were given. */
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
    tieSet: tieSet.map((key) => ({ ...key })),
    coverage: coverage.map((interval) => ({ ...interval })),
  };
}

function nameOf({ connector, stream }: StreamKey, scope: string): string {
  return `${connector}\n${stream}\n${scope}`;
}
