import { hash } from "node:crypto";
import type { Incremental } from "../../engine/ports.ts";
import { contentHash, identityOf } from "../../model/identity.ts";
import { type SourceRecord, valueAt } from "../../model/record.ts";
import type { Facts } from "./facts.ts";

/** How many reported pages are kept: in a stream with partitions each may have one. */
const mostKept = 50;

/** The pages that a warning was given for, so that the same page in a later run does not repeat it. */
export class ReportedPages {
  readonly #kind: string;
  readonly #incremental: Incremental;
  readonly #facts: Facts;

  /** `kind` names the warning in the stream's facts. */
  constructor(kind: string, incremental: Incremental, facts: Facts) {
    this.#kind = kind;
    this.#incremental = incremental;
    this.#facts = facts;
  }

  /** Whether the warning was given for this page before; marks it as given. The order of records does not matter. */
  wasReported(records: readonly SourceRecord[]): boolean {
    const marks = records.map((record) => this.#mark(record)).sort();
    const digest = `${records.length}-${hash("sha1", marks.join("\n"), "base64").slice(0, 10)}`;
    if (this.#facts.has(`${this.#kind}:${digest}`)) return true;
    this.#facts.learnOneOf(this.#kind, digest, mostKept);
    return false;
  }

  /** The identity of a record in the stream; its other fields may vary. */
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

/** Whether a number of records may be a source's page size, which is usually a round number. */
export function isRoundSize(count: number): boolean {
  return count % 10 === 0 || count % 25 === 0 || (count >= 16 && Number.isInteger(Math.log2(count)));
}
