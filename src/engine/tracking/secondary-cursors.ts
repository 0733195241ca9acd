import { compareCursorValues, readCursorValue } from "../../model/cursor.ts";
import type { Position } from "../../model/position.ts";
import { type SourceRecord, valueAt } from "../../model/record.ts";
import type { CursorField } from "../ports.ts";

/** Tracks the secondary cursors of a pipeline: the highest delivered value of each. */
export class SecondaryCursors {
  readonly #fields: readonly CursorField[];
  readonly #highest: { id?: string; offset?: string };

  constructor(cursors: readonly CursorField[], start: Position["secondaryCursors"]) {
    this.#fields = cursors.slice(1).filter(({ role, path }) => role === "id" && path !== null);
    this.#highest = { ...start };
  }

  get values(): Position["secondaryCursors"] {
    return { ...this.#highest };
  }

  /** Adds a delivered record; true where one of its values is the highest so far. */
  follow(record: SourceRecord): boolean {
    let raised = false;
    for (const { type, path, format } of this.#fields) {
      const raw = valueAt(record, path ?? []);
      if (raw === null || raw === undefined) continue;
      const value = readCursorValue(type, raw, format);
      const highest = this.#highest.id;
      if (highest !== undefined && compareCursorValues(type, value, highest) <= 0) continue;
      this.#highest.id = value;
      raised = true;
    }
    return raised;
  }
}
