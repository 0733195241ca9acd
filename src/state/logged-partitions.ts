import type { StreamKey } from "../model/stream-key.ts";
import { partitionRemoved } from "./audit.ts";
import type { AuditRecord } from "./contract.ts";

/** What a stream's log says last of each partition, for whoever reads all of it. */
export class LoggedPartitions {
  readonly #key: StreamKey;
  readonly #last = new Map<string, AuditRecord>();

  constructor(key: StreamKey) {
    this.#key = key;
  }

  /** A row about the stream as a whole says that what was before it counts no more, where nothing else is stored. */
  row(record: AuditRecord): void {
    if (record.partition === null) this.#last.clear();
    else this.#last.set(record.partition, record);
  }

  /** A partition that is stored. */
  stored(partition: string): void {
    this.#last.delete(partition);
  }

  /** Throws `AUDIT_BROKEN` where the log has a watermark of a partition, and nothing is stored of it. */
  end(): void {
    for (const record of this.#last.values()) {
      if (record.newCursor !== null) throw partitionRemoved(this.#key, record);
    }
  }
}
