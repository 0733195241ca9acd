import { plainName } from "../../http/failure-values.ts";
import { parsePath, valueAt } from "../../model/record.ts";
import type { WeighedSign } from "./failure-signs.ts";

interface PageWithRecords {
  /** What is to be told of it; null where it is whole. */
  readonly sign: WeighedSign | null;
  readonly body: unknown;
  readonly count: number;
  readonly warn: () => void;
}

/**
 * `truncated: true` says with some sources (S3's `IsTruncated`) that another page follows, with others that this one is cut.
 * Where pages are counted no answer names the next one, so pages with the flag are held back. Where each page but the
 * last with records has it, all of one size that the last does not exceed, and it is false there, it spoke of the next page.
 */
export class TruncatedPages {
  #held: PageWithRecords[] = [];
  /** Whether the pages have been otherwise: from then on each is told at once. */
  #isOver = false;

  static isFlag({ path }: Pick<WeighedSign, "path">): boolean {
    return /^(?:is)?truncated$/.test(plainName(path.split(".").at(-1) ?? ""));
  }

  /** Takes in a page, and whether what is to be told of it waits for the pages to come. */
  holdsBack(page: PageWithRecords): boolean {
    if (this.#isOver) return false;
    const { sign, body, count } = page;
    const [first] = this.#held;
    if (sign !== null && TruncatedPages.isFlag(sign) && count === (first ?? page).count) {
      this.#held.push(page);
      return true;
    }
    this.#isOver = true;
    if (first === undefined) return false;
    const flag = valueAt(body, parsePath(first.sign?.path ?? ""));
    if (sign === null && count <= first.count && (flag === false || flag === "false")) this.#held = [];
    this.end();
    return false;
  }

  /** Where the read ends: what is held back was no word on a next page. */
  end(): void {
    for (const { warn } of this.#held) warn();
    this.#held = [];
  }
}
