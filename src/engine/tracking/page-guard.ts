import { TidemarkError } from "../../errors.ts";
import { contentHash, identityOf } from "../../model/identity.ts";
import { stringifyJson } from "../../model/json.ts";
import { type SourceRecord, valueAt } from "../../model/record.ts";
import type { Incremental, Page } from "../ports.ts";

/** One page that came again may be records that moved while they were read; more than that is a loop. */
const repeatsAllowed = 1;

/** How many records stand for a page: enough that those of few values do not look like a page that came before. */
const sampleSize = 12;

/**
 * Finds a source that gives the same page again and again (promise P15): its page parameter is
 * ignored, or it clamps to its last page. `see` is called once a page, `end` when the source says
 * that it is done. Both throw `PAGE_REPEATED`.
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

  /** Whether the last page seen brought the records of the one before it. */
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
   * A page's size, with its first record, its last, and some between. Null for a page of records that
   * are all alike, which a source may well give twice, and for what is left of one. Pages with a source-managed cursor are cut by the engine, so
   * only those that end at the same cursor can be the same.
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

/** What makes two records the same: the key and the cursor, whatever else an answer may vary; or all of it. */
export function recordMark(record: SourceRecord, { key, cursors }: Incremental): string {
  const path = cursors[0]?.path ?? null;
  if (key === null || path === null) return contentHash(record);
  try {
    return `${identityOf(record, { key, content: false })}@${stringifyJson(valueAt(record, path))}`;
  } catch {
    // A record without its key is not the guard's to refuse.
    return contentHash(record);
  }
}
