import type { StreamKey } from "../../model/stream-key.ts";
import { unnamedActor } from "../lifecycle.ts";

/**
 * The hash of an audit row, as `auditHash` has it, in SQL: for the advance of the stream `s` by the
 * step `step`. What the caller knows of it comes ready as `$audit_place` and `$audit_tail`.
 */
export const advanceHash = `encode(sha256(convert_to(
  ${field("s.audit_head")} || ${field("step.number::text")} || $audit_place || ${field("step.at_utc")}
  || ${field(`coalesce(s.run_actor, '${unnamedActor}')`)} || '7:advance' || coalesce(${field("step.old")}, '-')
  || $audit_tail, 'UTF8')), 'hex')`;

function field(sql: string): string {
  return `octet_length(convert_to(${sql}, 'UTF8')) || ':' || ${sql}`;
}

/** The fields between the row's number and its time. */
export function auditPlace({ connector, stream }: StreamKey): string {
  return fieldText(connector) + fieldText(stream);
}

/** The fields after the old cursor: the new one, the reason, which an advance does not have, and the run. */
export function auditTail(newCursor: string | null, runId: string): string {
  return `${newCursor === null ? "-" : fieldText(newCursor)}-${fieldText(runId)}`;
}

function fieldText(text: string): string {
  return `${Buffer.byteLength(text)}:${text}`;
}
