import { contentHash, identityOf } from "../../model/identity.ts";
import { formatPath, type SourceRecord, valueAt } from "../../model/record.ts";
import { showValue } from "../../model/unreadable-value.ts";
import { keepInOrder } from "../filtering/in-order.ts";
import type { Pipeline, Warn } from "../ports.ts";
import { describeRecord } from "./record-cursors.ts";

/** How many records of a run are checked: a key that is not unique shows early. */
const mostLookedAt = 1000;

/** A page with its filter results. */
export interface Look {
  readonly page: readonly SourceRecord[];
  /** Those of its records that were not known. */
  readonly fresh: readonly SourceRecord[];
  /** What the filters made of the latter. */
  readonly written: readonly SourceRecord[];
  readonly partition: string | null;
}

interface Named {
  readonly record: SourceRecord;
  readonly identity: string;
}

/**
 * Checks the first records of a run for two different ones with the same key. With an output that appends, the second
 * of two records that share `input.key` and their cursor is left out; with an upsert, a record replaces the row of
 * another one that has the same output key.
 */
export class KeyWarnings {
  readonly #pipeline: Pipeline;
  readonly #warn: Warn;
  readonly #byInputKey = new Map<string, SourceRecord>();
  readonly #byOutputKey = new Map<string, Named>();
  #left = mostLookedAt;

  constructor(pipeline: Pipeline, warn: Warn) {
    this.#pipeline = pipeline;
    this.#warn = warn;
    if (pipeline.input.incremental.key === null) this.#left = 0;
  }

  look({ page, fresh, written, partition }: Look): void {
    if (this.#left <= 0) return;
    this.#left -= page.length;
    try {
      if (this.#pipeline.output.appends) this.#lookAtInput(page, partition);
      else this.#lookAtOutput(fresh, written, partition);
    } catch {
      // A record without its key is refused where it is written.
    }
    if (this.#left <= 0) this.#forget();
  }

  #lookAtInput(page: readonly SourceRecord[], partition: string | null): void {
    const [leading] = this.#pipeline.input.incremental.cursors;
    for (const record of page) {
      const cursor = leading?.path == null ? "" : String(valueAt(record, leading.path));
      const name = `${cursor}\n${this.#identityOf(record, partition)}`;
      const first = this.#byInputKey.get(name);
      if (first === undefined) this.#byInputKey.set(name, record);
      else if (contentHash(first) !== contentHash(record)) {
        this.#warnOfInput(first, record);
        return;
      }
    }
  }

  /** The same key in another partition is another record. */
  #identityOf(record: SourceRecord, partition: string | null): string {
    const { key } = this.#pipeline.input.incremental;
    return `${identityOf(record, { key, content: false })}@${partition ?? ""}`;
  }

  #warnOfInput(first: SourceRecord, second: SourceRecord): void {
    const key = (this.#pipeline.input.incremental.key ?? []).map(formatPath).join(", ");
    this.#warn(
      "KEY_NOT_UNIQUE",
      `two records have the same \`key\` (${key}) and the same cursor, and differ: ${describeRecord(first)} and ${describeRecord(second)}. The output appends, and may leave out all but the first of such records. Declare a \`key\` that is different for different records, such as a list of fields`,
    );
    this.#forget();
  }

  #lookAtOutput(
    fresh: readonly SourceRecord[],
    written: readonly SourceRecord[],
    partition: string | null,
  ): void {
    const { output, filters } = this.#pipeline;
    const { upsertKey } = output;
    if (upsertKey === undefined || fresh.length !== written.length) return;
    if (!keepInOrder(filters)) return;
    const plan = { key: upsertKey.map((field) => [field]), content: false };
    for (let at = 0; at < written.length; at++) {
      const [record, row] = [fresh[at], written[at]];
      if (record === undefined || row === undefined) continue;
      const identity = this.#identityOf(record, partition);
      const name = identityOf(row, plan);
      const first = this.#byOutputKey.get(name);
      if (first === undefined) this.#byOutputKey.set(name, { record, identity });
      else if (first.identity !== identity) {
        this.#warnOfOutput(first.record, record, row);
        return;
      }
    }
  }

  #warnOfOutput(first: SourceRecord, second: SourceRecord, row: SourceRecord): void {
    const { input, output } = this.#pipeline;
    const inputKey = (input.incremental.key ?? []).map(formatPath).join(", ");
    const partitioned = (input.incremental.partitions ?? null) === null ? "" : ", and the partition";
    const shared = (output.upsertKey ?? []).map((field) => `${field}: ${showValue(row[field])}`).join(", ");
    this.#warn(
      "KEY_COARSER",
      `two records that are different in the source (\`input.key\`: ${inputKey}${partitioned}) have the same key of the output (${shared}), so that the later one replaces the row of the other: ${describeRecord(first)} and ${describeRecord(second)}. If each shall have a row, declare under \`output.key\` all that tells them apart`,
    );
    this.#forget();
  }

  #forget(): void {
    this.#left = 0;
    this.#byInputKey.clear();
    this.#byOutputKey.clear();
  }
}
