import type { ResumePoint } from "../../model/position.ts";
import type { Incremental } from "../ports.ts";

/**
 * Where an unfinished window would be read on. Page tokens and links are kept; page numbers and offsets only with
 * `resume: page`, since pages shift while records change. A read in ascending order needs none.
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
   * Takes in a page's next place; true where the read may go on there. The last page has none: until the window is
   * finished, it is read again from where it began.
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
