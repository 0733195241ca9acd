import type { StreamKey } from "../model/stream-key.ts";
import type { ChainLink } from "./hash-chain.ts";

/** The part of a state store that removes old rows of the audit log. */
export interface AuditArchiving {
  /**
   * Removes the rows of a stream's log up to one that lies in an archive, and keeps that row's number and hash, from
   * which the rest is verified. Throws `STREAM_NOT_FOUND`, `AUDIT_BROKEN` where the log has another row of that number,
   * and `ARGUMENT_INVALID` for the log's last row, which always stays.
   */
  archiveAudit(key: StreamKey, to: ChainLink): Promise<{ rows: number }>;
}
