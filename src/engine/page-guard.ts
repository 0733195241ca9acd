import { TidemarkError } from "../errors.ts";
import { contentHash } from "../model/identity.ts";
import type { Page } from "./ports.ts";

/** One page that came again may be records that moved while they were read; more than that is a loop. */
const repeatsAllowed = 1;

/**
 * Finds a source that gives the same page again and again (promise P15): its page parameter is
 * ignored, or it clamps to its last page. `see` is called once a page, `end` when the source says
 * that it is done. Both throw `PAGE_REPEATED`.
 */
export class PageGuard {
  readonly #givenCursors: boolean;
  #last: string | null = null;
  #repeats = 0;
  #pages = 0;

  /** `givenCursors`: pages are cut by us, so only those that end at the same cursor can be the same. */
  constructor({ givenCursors }: { givenCursors: boolean }) {
    this.#givenCursors = givenCursors;
  }

  see(page: Page): void {
    this.#pages += 1;
    const sample = this.#sampleOf(page);
    this.#repeats = sample !== null && sample === this.#last ? this.#repeats + 1 : 0;
    this.#last = sample;
    if (this.#repeats > repeatsAllowed) throw this.#repeated();
  }

  #sampleOf(page: Page): string | null {
    const sample = sampleOf(page);
    if (!this.#givenCursors || sample === null) return sample;
    return page.cursor === undefined ? null : `${sample} ${page.cursor}`;
  }

  end(): void {
    if (this.#repeats > 0) throw this.#repeated();
  }

  #repeated(): TidemarkError {
    return new TidemarkError(
      "PAGE_REPEATED",
      `page ${this.#pages} brought the same records as the page before it; the run did not reach the source's end`,
    );
  }
}

/**
 * A page's size with its first, middle and last record. Null for a page of records that are all
 * alike, which a source may well give twice.
 */
function sampleOf(page: Page): string | null {
  const { records } = page;
  const picked = [records[0], records[records.length >> 1], records[records.length - 1]];
  const hashes = picked.flatMap((record) => (record === undefined ? [] : [contentHash(record)]));
  if (hashes.length === 0) return null;
  if (records.length > 1 && new Set(hashes).size === 1) return null;
  return `${records.length} ${hashes.join(" ")}`;
}
