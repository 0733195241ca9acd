import type { StreamKey } from "../model/stream-key.ts";
import { partitionRemoved } from "./audit.ts";
import type { AuditRecord } from "./contract.ts";

/** The last row of each partition in a stream's log, collected while the whole log is read. */
export class LoggedPartitions {
  readonly #key: StreamKey;
  readonly #last = new Map<string, AuditRecord>();

  constructor(key: StreamKey) {
    this.#key = key;
  }

  /** A row about the whole stream makes the earlier partition rows invalid, for partitions that are not stored. */
  row(record: AuditRecord): void {
    if (record.action === "stop") return;
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
