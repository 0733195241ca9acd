import type { BoundOutcome } from "../../engine/bound-outcome.ts";
import type { CursorField, Incremental, Warn } from "../../engine/ports.ts";
import { compareCursorValues, stepCursor } from "../../model/cursor.ts";
import { parsePrecision } from "../../model/precision.ts";
import type { Facts } from "./facts.ts";
import type { HttpPollingConfig } from "./schema.ts";

export interface BoundProofParts {
  readonly config: HttpPollingConfig;
  readonly incremental: Incremental;
  readonly facts: Facts;
  readonly warn: Warn;
  /** Formats a bound. */
  readonly textOf: (field: CursorField, lower: string) => string;
}

const kind = "bound";
const belowKind = "bound-below";

/** How many runs in a row must miss the record at the watermark before a warning. */
const missesBeforeWarning = 2;

/**
 * Checks that the source understands the form of the lower bound. The bound is sent so that the record at the watermark
 * is returned again. Once it was, the form is confirmed, until its declaration changes. Stored with the stream as
 * facts.
 */
export class BoundProof {
  readonly #parts: BoundProofParts;
  readonly #field: CursorField | null;
  readonly #name: string | null;

  constructor(parts: BoundProofParts) {
    this.#parts = parts;
    this.#field = parts.incremental.cursors[0] ?? null;
    this.#name = this.#nameOf(this.#field);
  }

  /** Whether the run must look for the record at the watermark. A source that joins two bounds may leave it out. */
  get looks(): boolean {
    return this.#name !== null && this.#parts.incremental.cursors.length === 1 && this.#misses !== null;
  }

  see({ watermark, lower, found, below }: BoundOutcome): void {
    const field = this.#field;
    if (field === null || this.#name === null) return;
    if (below !== null) this.#warnOfBelow(field, this.#name, below);
    const misses = this.#misses;
    if (misses === null || found === "unknown" || watermark === null || lower === null) return;
    if (found === "watermark") {
      this.#keep("seen");
      return;
    }
    // A source without changes returns nothing in each run.
    if (found === "nothing" && misses >= missesBeforeWarning) return;
    this.#keep(`missed ${misses + 1}`);
    if (misses + 1 < missesBeforeWarning || !isPowerOfTwo(misses + 1)) return;
    const gave = found === "nothing" ? "gave nothing at all" : "gave only later records";
    this.#parts.warn(
      "WATERMARK_NOT_SEEN",
      `the source was asked by \`${this.#name}=${this.#parts.textOf(field, lower)}\` so that it gives the record at the watermark ${watermark} again, and ${gave}; so it was in ${misses + 1} runs in a row. Either such records were deleted, or the source takes the bound for a later one than is meant, and leaves out what lies between. Ask it by hand; ${this.#whatToCheck(field)}. If it was wrong, read what was left out with \`tidemark backfill\``,
    );
  }

  /** How many runs in a row have missed the record; null where the form is confirmed. */
  get #misses(): number | null {
    const form = this.#form;
    const kept = this.#parts.facts.of(kind).find((fact) => fact.startsWith(`${form} `));
    if (kept === undefined) return 0;
    const state = kept.slice(form.length + 1);
    return state === "seen" ? null : Number(state.split(" ")[1] ?? 0);
  }

  #keep(state: string): void {
    this.#parts.facts.learnOneOf(kind, `${this.#form} ${state}`, 1);
  }

  /** The settings that form the bound: if they change, it must be confirmed again. */
  get #form(): string {
    const { timestamp, id } = this.#parts.config.statePersistence;
    if (this.#field?.role === "id") return [id?.queryParam, id?.type, id?.bound, id?.granularity].join("|");
    const { queryParam, format, queryFormat, timezone, bound, granularity } = timestamp ?? {};
    return [queryParam, queryFormat ?? format, timezone, bound, granularity].join("|");
  }

  #nameOf(field: CursorField | null): string | null {
    const { timestamp, id } = this.#parts.config.statePersistence;
    if (field?.role === "timestamp") return timestamp?.queryParam ?? null;
    return field?.role === "id" ? (id?.queryParam ?? null) : null;
  }

  #whatToCheck({ role, bound }: CursorField): string {
    const compares =
      bound === "inclusive" ? ", and declare `bound: exclusive` if the source compares with `>`" : "";
    if (role === "id") return `check \`queryParam\` and \`type\`${compares}`;
    return `check \`queryFormat\` (the unit of an epoch), \`timezone\`, \`granularity\` (\`1s\` where it rounds to the second) and \`queryParam\`${compares}`;
  }

  #warnOfBelow(
    field: CursorField,
    name: string,
    { cursor, lower }: NonNullable<BoundOutcome["below"]>,
  ): void {
    const { facts, warn, textOf } = this.#parts;
    const text = textOf(field, lower);
    if (isWithinDays(field, cursor, lower)) return;
    if (facts.of(belowKind).includes(this.#form)) return;
    facts.learnOneOf(belowKind, this.#form, 1);
    const isAsText = field.type === "numeric_id" && compareCursorValues("text", cursor, text) >= 0;
    const cause = isAsText
      ? "It compares such ids as text, as it seems: then declare `type: text` for the id, since ids of more digits (`100` after `99`) lie below the bound and never come. Else it ignores the parameter"
      : `It ignores the parameter (compare \`queryParam: ${name}\` with its documentation), or compares in another order`;
    warn(
      "RECORD_LATE",
      `the source was asked by \`${name}=${text}\`, and gave a record with the cursor ${cursor}, which lies below. ${cause}. Records that were already delivered are left out; this warning is given once`,
    );
  }
}

/** How far below the bound records may lie from a source that compares whole seconds, hours or days, in any zone. */
function isWithinDays({ type }: CursorField, cursor: string, lower: string): boolean {
  if (type !== "timestamp_utc") return false;
  return compareCursorValues(type, cursor, stepCursor(type, lower, coarsest, -1)) >= 0;
}

const coarsest = parsePrecision("2d");

function isPowerOfTwo(count: number): boolean {
  return Number.isInteger(Math.log2(count));
}
