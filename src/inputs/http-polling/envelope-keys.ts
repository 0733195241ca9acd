import { formatPath, isRecord, type Path, type SourceRecord } from "../../model/record.ts";
import { liesOn } from "./answer-rules.ts";
import { isHarmless } from "./failure-signs.ts";

/** Names beyond this many are not a fixed set that answers share. */
const mostNames = 1000;

/** The keys that stood around the list in the answers of one read: an answer without a list is held against them. */
export class EnvelopeKeys {
  readonly #way: Path;
  readonly #known = new Set<string>();

  readonly #declared: readonly string[];
  #areKnown = false;

  /** `dataField` is null where the body is the list. `declared` are dotted paths that any answer may have. */
  constructor(dataField: Path | null, declared: readonly string[]) {
    this.#way = dataField ?? [];
    this.#declared = declared;
  }

  /** Takes in an answer that has a list. */
  learn(body: unknown): void {
    this.#areKnown = true;
    for (const { path } of this.#entries(body)) {
      if (this.#known.size >= mostNames) return;
      this.#known.add(path);
    }
  }

  /** Whether an answer of the read had a list. */
  get areKnown(): boolean {
    return this.#areKnown;
  }

  /**
   * The dotted names in an answer without a list that none before it had, but for those whose values say that all
   * is well or that there is nothing, and for what the way to the list leads through.
   */
  foreignIn(body: unknown, mayBePastEnd: boolean): string[] {
    if (this.#known.size >= mostNames) return [];
    return this.#entries(body)
      .filter(({ path }) => !this.#known.has(path) && !this.#declared.some((field) => liesOn(path, field)))
      .filter(({ name, value }) => !isHarmless(name, value, mayBePastEnd))
      .map(({ path }) => path);
  }

  /** The fields of the objects on the way to the list. */
  #entries(body: unknown): { path: string; name: string; value: unknown }[] {
    const found: { path: string; name: string; value: unknown }[] = [];
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
