import { formatPath, isRecord, type Path, type SourceRecord } from "../../model/record.ts";
import { liesOn } from "./data-field.ts";
import type { Facts } from "./facts.ts";
import { isHarmless, isReason } from "./failure-fields.ts";

/** With more names than this, the keys are not a fixed set. */
const mostNames = 1000;
/** How many are stored with the stream; with more, none are stored. */
const mostKept = 50;
const keysFact = "keys";
const manyFact = "keys:many";

/** Keys that an answer has, and no answer with a list had before it. */
export interface Foreign {
  readonly keys: readonly string[];
  /** Whether the answer shares no key with those. */
  readonly isAlien: boolean;
}

/**
 * The keys around the list in the answers of one read and of earlier runs. An answer without a list, or with an empty
 * one, is compared with them.
 */
export class EnvelopeKeys {
  readonly #way: Path;
  readonly #known = new Set<string>();
  readonly #facts: Facts;
  readonly #declared: readonly string[];
  #areKnown = false;
  /** Whether a page of this read had records. */
  #hadRecords = false;

  /** `dataField` is null where the body is the list. `declared` are dotted paths that any answer may have. */
  constructor(dataField: Path | null, declared: readonly string[], facts: Facts) {
    this.#way = dataField ?? [];
    this.#declared = declared;
    this.#facts = facts;
  }

  /** Adds an answer with a list, and whether it held records. */
  learn(body: unknown, hasRecords: boolean): void {
    this.#areKnown = true;
    this.#hadRecords ||= hasRecords;
    if (this.#way.length === 0) return;
    for (const { path } of this.#entries(body)) {
      if (this.#known.size >= mostNames) break;
      this.#known.add(path);
    }
    this.#keep();
  }

  #keep(): void {
    if (this.#known.size > mostKept) this.#facts.learn(manyFact);
    if (this.#facts.has(manyFact)) return;
    this.#facts.learn(keysFact);
    for (const path of this.#known) this.#facts.learn(`key:${path}`);
  }

  /** Whether an answer of the read had a list. */
  get areKnown(): boolean {
    return this.#areKnown;
  }

  /**
   * The dotted names in an answer without a list that no answer before it had. Names whose values report success or
   * emptiness, and names on the way to the list, are left out.
   */
  foreignIn(body: unknown, mayBePastEnd: boolean): string[] {
    if (this.#known.size >= mostNames) return [];
    return this.#foreign(body, (path) => this.#known.has(path), mayBePastEnd).map(({ path }) => path);
  }

  /** As `foreignIn`, for an answer with an empty list after pages with records; only flags and sentences count. */
  foreignNextToEmptyList(body: unknown): string[] {
    if (!this.#hadRecords || this.#known.size >= mostNames) return [];
    return this.#foreign(body, (path) => this.#known.has(path), true)
      .filter(({ value }) => isReason(value))
      .map(({ path }) => path);
  }

  /** As `foreignIn`, for the first answer of a read, compared with the keys of earlier runs. */
  foreignToStream(body: unknown): Foreign {
    const has = (fact: string): boolean => this.#facts.has(fact);
    if (!has(keysFact) || has(manyFact)) return { keys: [], isAlien: false };
    const isKnown = (path: string): boolean => has(`key:${path}`);
    return {
      keys: this.#foreign(body, isKnown, false).map(({ path }) => path),
      isAlien: !this.#entries(body).some(({ path }) => isKnown(path)),
    };
  }

  #foreign(body: unknown, isKnown: (path: string) => boolean, mayBePastEnd: boolean): Entry[] {
    return this.#entries(body)
      .filter(({ path }) => !isKnown(path) && !this.#declared.some((field) => liesOn(path, field)))
      .filter(({ name, value }) => !isHarmless(name, value, mayBePastEnd));
  }

  /** The fields of the objects on the way to the list. */
  #entries(body: unknown): Entry[] {
    const found: Entry[] = [];
    const before: string[] = [];
    let around = body;
    for (const step of this.#way) {
      if (!isRecord(around)) break;
      const object: SourceRecord = around;
      for (const [name, value] of Object.entries(object)) {
        if (name !== step) found.push({ path: formatPath([...before, name]), name, value });
      }
      before.push(step);
      around = object[step];
    }
    return found;
  }
}

interface Entry {
  readonly path: string;
  readonly name: string;
  readonly value: unknown;
}
