import { formatStreamKey, type StreamKey } from "../../../model/stream-key.ts";
import type { AuditRecord } from "../../contract.ts";
import { auditBetween } from "./log.ts";

interface Ends {
  readonly file: string;
  readonly bytes: number;
  readonly last: Map<string | null, AuditRecord>;
}

/**
 * The last audit row of each partition, and of the stream as a whole. A run asks for every partition that has no
 * file yet: the log is read once for all of them, and from then on what was added to it.
 */
export class LogEnds {
  readonly #ends = new Map<string, Ends>();

  /** Of the committed part of a log. Throws `STATE_UNREADABLE`. */
  last(file: string, key: StreamKey, bytes: number, partition: string | null): AuditRecord | null {
    const name = formatStreamKey(key);
    const known = this.#ends.get(name);
    // A log that is shorter than it was is another one.
    const goesOn = known !== undefined && known.file === file && known.bytes <= bytes;
    const { bytes: from, last } = goesOn ? known : { bytes: 0, last: new Map<string | null, AuditRecord>() };
    for (const record of auditBetween(file, key, from, bytes)) last.set(record.partition, record);
    this.#ends.set(name, { file, bytes, last });
    return last.get(partition) ?? null;
  }
}
