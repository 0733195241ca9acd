import { plainName } from "../../http/failure-values.ts";
import { parsePath, valueAt } from "../../model/record.ts";
import type { WeighedSign } from "./failure-signs.ts";

interface PageWithRecords {
  /** The sign to warn about; null where the page is complete. */
  readonly sign: WeighedSign | null;
  readonly body: unknown;
  readonly count: number;
  readonly warn: () => void;
}

/**
 * With some sources `truncated: true` (S3's `IsTruncated`) means that another page follows, with others that this page
 * is incomplete. Where pages are counted, no answer names the next one, so warnings for pages with the flag are held
 * back. The flag was about the next page if each page except the last with records has it, all of one size that the
 * last does not exceed, and it is false on the last.
 */
export class TruncatedPages {
  #held: PageWithRecords[] = [];
  /** Whether the pages did not follow this pattern: from then on each warning is given at once. */
  #isOver = false;

  static isFlag({ path }: Pick<WeighedSign, "path">): boolean {
    return /^(?:is)?truncated$/.test(plainName(path.split(".").at(-1) ?? ""));
  }

  /** Adds a page. Returns whether its warning waits for the following pages. */
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

  /** At the end of the read: gives the held back warnings if the flag was not about a next page. */
  end(): void {
    for (const { warn } of this.#held) warn();
    this.#held = [];
  }
}
