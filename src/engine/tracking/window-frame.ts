import { type CursorType, compareCursorValues, stepCursor } from "../../model/cursor.ts";
import type { ClockAhead, Window } from "../ports.ts";
import { notBelowHighest } from "../run/window.ts";
import type { TrackerOptions } from "./tracker-options.ts";

/** A cursor's place relative to a window: `past` is after its end, `future` is after the present. */
export type Side = "below" | "within" | "past" | "future";

/** A run's window, and which side of it records lie on. */
export class WindowFrame {
  readonly #options: TrackerOptions;
  /** As it was frozen, with its upper end by the source's clock once that is known. */
  #window: Window;
  /** How far the source's clock is ahead; undefined where the value from the start is used. */
  #ahead: ClockAhead | undefined;

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#window = options.window;
  }

  get window(): Window {
    return this.#window;
  }

  get lower(): string | null {
    return this.#window.lower?.value ?? null;
  }

  get upper(): string | null {
    return this.#window.upper?.value ?? null;
  }

  /**
   * Ends the window where the run began by the source's clock: what changes while it is read then lies past the end,
   * whichever page it is on. A closed end, where another slice begins, may only move down; a later run reads what lies
   * above it. A resumed window keeps its end: the earlier run has counted records up to there. Only the first call
   * counts.
   */
  followClock(ahead: ClockAhead): void {
    if (this.#ahead !== undefined) return;
    const { incremental, edges, start, resume = null, mayEndLater = false } = this.#options;
    const { lower, upper } = this.#window;
    this.#ahead = ahead;
    const began = this.#options.began(ahead.least);
    if (began === null || upper === null || resume !== null) return;
    const { safetyLag } = incremental;
    const stepped = safetyLag === null ? began : stepCursor(upper.type, began, safetyLag, -1);
    const end = notBelowHighest({ type: upper.type, value: stepped }, start).value;
    const isEarlier = compareCursorValues(upper.type, end, upper.value) < 0;
    if (isEarlier || (mayEndLater && edges.upper === "open"))
      this.#window = { lower, upper: { type: upper.type, value: end } };
  }

  /** Computed only where a record lies past the window, since only then the present matters. */
  presentFor(cursors: readonly (string | null)[], type: CursorType): string | null {
    const { upper } = this;
    if (upper === null) return null;
    const past = cursors.some((cursor) => cursor !== null && compareCursorValues(type, cursor, upper) > 0);
    return past ? this.#options.now(this.#ahead?.most) : null;
  }

  /** The highest cursor within the window. A cursor below the declared beginning must not become the watermark. */
  highestOf(cursors: readonly (string | null)[], type: CursorType): string | null {
    const { lower, upper } = this;
    let highest: string | null = null;
    for (const cursor of cursors) {
      if (cursor === null) continue;
      if (lower !== null && compareCursorValues(type, cursor, lower) < 0) continue;
      if (upper !== null && compareCursorValues(type, cursor, upper) > 0) continue;
      if (highest === null || compareCursorValues(type, cursor, highest) > 0) highest = cursor;
    }
    return highest;
  }

  sideOf(cursor: string, type: CursorType, present: string | null): Side {
    const { edges } = this.#options;
    const { lower, upper } = this;
    const above = lower === null ? 1 : compareCursorValues(type, cursor, lower);
    if (above < 0 || (above === 0 && edges.lower === "exclusive")) return "below";
    if (upper === null || compareCursorValues(type, cursor, upper) <= 0) return "within";
    return present !== null && compareCursorValues(type, cursor, present) > 0 ? "future" : "past";
  }
}
