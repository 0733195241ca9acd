import { hash } from "node:crypto";
import type { Incremental } from "../../engine/ports.ts";
import { contentHash, identityOf } from "../../model/identity.ts";
import { type SourceRecord, valueAt } from "../../model/record.ts";
import type { Facts } from "./facts.ts";

/** Pages of which a doubt was told are kept up to so many: in a stream of partitions each may have one. */
const mostKept = 50;

/** The pages of which a doubt was told, so that the same page, come again in a later run, does not tell it again. */
export class ReportedPages {
  readonly #kind: string;
  readonly #incremental: Incremental;
  readonly #facts: Facts;

  /** `kind` names the doubt among the stream's facts. */
  constructor(kind: string, incremental: Incremental, facts: Facts) {
    this.#kind = kind;
    this.#incremental = incremental;
    this.#facts = facts;
  }

  /** Whether the doubt was told of the page before; from now on it was. Records may come in another order. */
  wasReported(records: readonly SourceRecord[]): boolean {
    const marks = records.map((record) => this.#mark(record)).sort();
    const digest = `${records.length}-${hash("sha1", marks.join("\n"), "base64").slice(0, 10)}`;
    if (this.#facts.has(`${this.#kind}:${digest}`)) return true;
    this.#facts.learnOneOf(this.#kind, digest, mostKept);
    return false;
  }

  /** What makes two records the same to the stream: what else a source says of them may vary. */
  #mark(record: SourceRecord): string {
    const { key, cursors } = this.#incremental;
    if (key === null) return contentHash(record);
    try {
      const [cursor] = cursors;
      const at = cursor?.path === undefined || cursor.path === null ? "" : valueAt(record, cursor.path);
      return `${identityOf(record, { key, content: false })}@${String(at)}`;
    } catch {
      return contentHash(record);
    }
  }
}

/** Whether a page may have as many records as a source gives at most: such numbers are round. */
export function isRoundSize(count: number): boolean {
  return count % 10 === 0 || count % 25 === 0 || (count >= 16 && Number.isInteger(Math.log2(count)));
}
