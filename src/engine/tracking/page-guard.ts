import { TidemarkError } from "../../errors.ts";
import { contentHash, identityOf } from "../../model/identity.ts";
import { stringifyJson } from "../../model/json.ts";
import { type SourceRecord, valueAt } from "../../model/record.ts";
import type { Incremental, Page } from "../ports.ts";

/** One repeated page may come from records that moved during the read; more repeats are a loop. */
const repeatsAllowed = 1;

/** How many records of a page are compared: enough that pages with few distinct values do not look equal. */
const sampleSize = 12;

/**
 * Detects a source that returns the same page again and again (promise P15): it ignores its page parameter, or returns
 * its last page for every later one. `see` is called once a page, `end` when the source says that it is done. Both
 * throw `PAGE_REPEATED`.
 */
export class PageGuard {
  readonly #incremental: Incremental;
  #last: string | null = null;
  #repeats = 0;
  #pages = 0;
  #asked: Page["asked"];

  constructor(incremental: Incremental) {
    this.#incremental = incremental;
  }

  /** Whether the last page seen has the same records as the one before it. */
  get isRepeat(): boolean {
    return this.#repeats > 0;
  }

  see(page: Page): void {
    this.#pages += 1;
    this.#asked = page.asked;
    const sample = this.#sampleOf(page);
    this.#repeats = sample !== null && sample === this.#last ? this.#repeats + 1 : 0;
    this.#last = sample;
    if (this.#repeats > repeatsAllowed) throw this.#repeated();
  }

  end(): void {
    if (this.#repeats > 0) throw this.#repeated();
  }

  #repeated(): TidemarkError {
    const { address, parameter = null } = this.#asked ?? {};
    const from = address === undefined ? "" : ` (${address})`;
    return new TidemarkError(
      "PAGE_REPEATED",
      `page ${this.#pages}${from} brought the same records as the page before it; the run did not reach the source's end`,
      parameter === null
        ? {}
        : { hint: `Check \`pagination\`: the source may not page by the parameter \`${parameter}\`.` },
    );
  }

  /**
   * A digest of a page's size, its first and last record, and some in between. Null for a page of equal records, which
   * a source may rightly return twice, and for the rest of a page. Pages with a source-managed cursor are cut by the
   * engine, so only those that end at the same cursor can be the same.
   */
  #sampleOf({ records, cursor, partial }: Page): string | null {
    if (partial) return null;
    const marks: string[] = [];
    const picked = Math.min(sampleSize, records.length);
    for (let index = 0; index < picked; index++) {
      const record = records[picked === 1 ? 0 : Math.floor((index * (records.length - 1)) / (picked - 1))];
      if (record !== undefined) marks.push(recordMark(record, this.#incremental));
    }
    if (marks.length === 0) return null;
    if (records.length > 1 && new Set(marks).size === 1) return null;
    const sample = `${records.length} ${marks.join(" ")}`;
    if (this.#incremental.cursors[0]?.role !== "sourceManaged") return sample;
    return cursor === undefined ? null : `${sample} ${cursor}`;
  }
}

/** The identity of a record: its key and cursor, or its whole content where it has no key. */
export function recordMark(record: SourceRecord, { key, cursors }: Incremental): string {
  const path = cursors[0]?.path ?? null;
  if (key === null || path === null) return contentHash(record);
  try {
    return `${identityOf(record, { key, content: false })}@${stringifyJson(valueAt(record, path))}`;
  } catch {
    // A record without its key is refused elsewhere.
    return contentHash(record);
  }
}
