import type { ResumePoint } from "../../model/position.ts";
import type { Incremental } from "../ports.ts";

/**
 * The resume point of an unfinished window. Page tokens and links are kept; page numbers and offsets only with `resume:
 * page`, since pages shift while records change. A read in ascending order needs none.
 */
export class ResumePlace {
  readonly #incremental: Incremental;
  /** After the last page, or at it where it has no next one; null for the window's start. */
  at: ResumePoint | null;
  /** Whether it lies behind the last page. */
  isBehind = false;

  constructor(incremental: Incremental, start: ResumePoint | null) {
    this.#incremental = incremental;
    this.at = start;
  }

  /**
   * Sets a page's next place; true where the read may resume there. The last page has none: until the window is
   * finished, that page is read again.
   */
  follow(next: ResumePoint | null, isAscending: boolean): boolean {
    this.isBehind = !isAscending && next !== null && this.#isKept(next);
    if (this.isBehind) this.at = next;
    else if (isAscending) this.at = null;
    return this.isBehind;
  }

  #isKept({ kind }: ResumePoint): boolean {
    return kind === "token" || kind === "link" || this.#incremental.resume === "page";
  }
}
