import { type CursorType, parseCursor } from "../../model/cursor.ts";
import type { RunRef } from "../contract.ts";

const mostKept = 10_000;

/** The cursor types of the runs that this process was granted: a run's type never changes. */
export class HeldTypes {
  readonly #types = new Map<string, CursorType | null>();

  get(run: RunRef): CursorType | null | undefined {
    return this.#types.get(nameOf(run));
  }

  set(run: RunRef, type: CursorType | null): void {
    this.#types.set(nameOf(run), type);
    if (this.#types.size <= mostKept) return;
    // Runs that never ended: the oldest goes, and would be looked up again.
    const [oldest] = this.#types.keys();
    if (oldest !== undefined) this.#types.delete(oldest);
  }

  delete(run: RunRef): void {
    this.#types.delete(nameOf(run));
  }
}

function nameOf({ key, kind, runId, epoch }: RunRef): string {
  return `${kind}\n${epoch}\n${runId}\n${key.connector}\n${key.stream}`;
}

/** The cursor as its type writes it; null where it is none of that type. */
export function canonicalValue(type: CursorType | null, text: string): string | null {
  if (type === null) return null;
  try {
    return parseCursor(type, text).value;
  } catch {
    return null;
  }
}
