import type { AuditRecord } from "../../contract.ts";
import { chainText } from "../../hash-chain.ts";

/**
 * What `auditHash` makes its hash of, before and after the row's time: the time is the server's, and
 * so the server makes the hash.
 */
export function aroundTheTime(previous: string, row: AuditRecord): { before: string; after: string } {
  const { number, key, actor, action, oldCursor, newCursor, reason, runId, partition } = row;
  return {
    before: chainText([previous, String(number), key.connector, key.stream]),
    after: chainText([
      actor,
      action,
      oldCursor,
      newCursor,
      reason,
      runId,
      ...(partition === null ? [] : [partition]),
    ]),
  };
}
