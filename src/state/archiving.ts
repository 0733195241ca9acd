import { TidemarkError } from "../errors.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import { auditBroken } from "./audit.ts";
import type { ChainLink } from "./chain-link.ts";
import type { AuditRecord } from "./contract.ts";
import { streamNotFound } from "./refusals.ts";
import type { StreamRow } from "./rows.ts";

/** The part of a state store that lets go of old rows of the audit log. */
export interface AuditArchiving {
  /**
   * Removes the rows of a stream's log up to one that lies in an archive, and keeps that row's number and hash, from
   * which the rest is verified. Throws `STREAM_NOT_FOUND`, `AUDIT_BROKEN` where the log has another row of that number,
   * and `ARGUMENT_INVALID` for the log's last row, which always stays.
   */
  archiveAudit(key: StreamKey, to: ChainLink): Promise<{ rows: number }>;
}

/** Whether a log may be let go of up to a row; `record` is the log's row of that number, if it has one. */
export function refuseArchiving(
  key: StreamKey,
  row: StreamRow | null,
  record: AuditRecord | undefined,
  to: ChainLink,
): void {
  if (row === null) throw streamNotFound(key);
  if (record?.number !== to.number || record.hash !== to.hash) {
    throw auditBroken(key, to.number, "is not the one in the archive");
  }
  if (to.number < row.auditNumber) return;
  const stream = formatStreamKey(key);
  throw new TidemarkError("ARGUMENT_INVALID", `the last row of the audit log of ${stream} has to stay`, {
    stream,
  });
}
