import type { Warn } from "../../engine/ports.ts";
import type { Path } from "../../model/record.ts";
import type { Facts } from "./facts.ts";
import { describeSign, type Envelope, saysEnd, signOfRecords } from "./more-signs.ts";
import type { PageSeen } from "./walk.ts";

export interface ShownTotalsParts {
  readonly dataField: Path | null;
  /** Whether the requests have a bound; a total may or may not count the records before it. */
  readonly isBounded: boolean;
  /** Whether the read is of one partition: its total says nothing about those of others. */
  readonly isPartition: boolean;
  readonly facts: Facts;
  readonly warn: Warn;
}

/** The fact that the total at a path counts only records within the bounds. */
const withinBounds = "total-within-bounds";
/** The largest total that a read without bounds has seen at a path, as a power of two. */
const largestKind = "total-of-all";

/**
 * Compares totals that answers contain and no setting declares with what came (promise P15): `total`,
 * `hits.total.value`, `X-Total-Count`, `Content-Range`. It warns of a read that ends below one. With a bound it warns
 * only once a total was seen to respect the bound: with many sources it is the number of all records.
 */
export class ShownTotals {
  readonly #parts: ShownTotalsParts;
  #last: Pick<Envelope, "body" | "headers"> | null = null;
  #saysEnd = false;
  /** How many records came; null where the read did not begin at the start. */
  #came: number | null;

  constructor(before: number | null, parts: ShownTotalsParts) {
    this.#came = before;
    this.#parts = parts;
  }

  /** Adds an answer with its number of new records. A page past the end may have a total of 0. */
  note({ answer, response }: Pick<PageSeen, "answer" | "response">, fresh: number): void {
    const { body } = answer;
    if (answer.records.length > 0 || this.#last === null) this.#last = { body, headers: response.headers };
    this.add(body, fresh);
  }

  /** As `note`, for an answer whose total counts a part of the result. */
  add(body: unknown, fresh: number): void {
    if (this.#came !== null) this.#came += fresh;
    this.#saysEnd = saysEnd({ body, dataField: this.#parts.dataField });
  }

  /** Call where the read ends without another warning. `hint` names another possible cause. */
  end(hint = ""): void {
    const came = this.#came;
    const { facts, isBounded, warn } = this.#parts;
    if (came === null || this.#saysEnd) return;
    const sign = this.#signAbove(came);
    this.#learn(came, sign !== null);
    if (sign === null || (isBounded && !facts.has(`${withinBounds}:${sign.at}`))) return;
    warn(
      "MORE_PAGES_SHOWN",
      `the read ended after ${came} records, and ${describeSign(sign)}: they may lie behind an empty page, or be ones that the source counts and does not give; \`totalField\`, \`totalPagesField\` or \`hasMoreField\` would tell${hint}`,
    );
  }

  #signAbove(records: number): ReturnType<typeof signOfRecords> {
    if (this.#last === null) return null;
    const { dataField } = this.#parts;
    return signOfRecords({ ...this.#last, dataField, read: { pages: null, records } });
  }

  /**
   * A total respects the bounds if it equals what came within them and is lower than in a read without bounds. While no
   * record lies before the bounds, the number of all records equals what came, too.
   */
  #learn(came: number, isAbove: boolean): void {
    const { facts, isBounded, isPartition } = this.#parts;
    if (isPartition || isAbove || came === 0) return;
    const at = this.#signAbove(came - 1)?.at;
    if (at === undefined) return;
    const kind = `${largestKind}:${at}`;
    const largest = Math.max(0, ...facts.of(kind).map(Number));
    if (isBounded) {
      if (came < largest) facts.learnOneOf(withinBounds, at, mostPlaces);
      return;
    }
    const size = 2 ** Math.min(Math.floor(Math.log2(came)), Math.log2(mostKept));
    if (size > largest) facts.learnOneOf(kind, String(size), 1);
  }
}

const mostPlaces = 5;
const mostKept = 2 ** 40;
