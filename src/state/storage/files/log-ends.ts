import { formatStreamKey, type StreamKey } from "../../../model/stream-key.ts";
import { readAuditRecord } from "../../codec.ts";
import type { AuditRecord } from "../../contract.ts";
import { auditLinesBefore, auditLinesBetween, parseAuditLine, partitionIn, type RawAudit } from "./log.ts";

/** A part of a log that was read, and the last audit row of each partition in it. */
interface Ends {
  readonly file: string;
  readonly from: number;
  readonly to: number;
  readonly last: Map<string | null, RawAudit>;
}

/**
 * The last audit row of each partition, and of the stream as a whole; a `stop` is passed over. A run asks for every
 * partition that it reads. A log is read from its end back, no further than it takes to find what was asked for, and
 * then what was added to it.
 */
export class LogEnds {
  readonly #ends = new Map<string, Ends>();

  /** Of the committed part of a log. Throws `STATE_UNREADABLE`. */
  last(file: string, key: StreamKey, bytes: number, partition: string | null): AuditRecord | null {
    const name = formatStreamKey(key);
    const known = this.#ends.get(name);
    // A log that became shorter was replaced.
    const goesOn = known !== undefined && known.file === file && known.to <= bytes;
    const read = goesOn ? known : { from: bytes, to: bytes, last: new Map<string | null, RawAudit>() };
    const { last } = read;
    for (const line of auditLinesBetween(file, read.to, bytes)) {
      const raw = parseAuditLine(line, file);
      if (raw.action !== "stop") last.set(raw.partition ?? null, raw);
    }
    let { from } = read;
    while (from > 0 && !last.has(partition)) {
      const { lines, begins } = auditLinesBefore(file, from);
      for (const line of lines.toReversed()) {
        const of = partitionIn(line, file);
        if (last.has(of)) continue;
        const raw = parseAuditLine(line, file);
        if (raw.action !== "stop") last.set(of, raw);
      }
      from = begins;
    }
    this.#ends.set(name, { file, from, to: bytes, last });
    const found = last.get(partition);
    return found === undefined ? null : readAuditRecord({ ...found, ...key }, file);
  }
}
