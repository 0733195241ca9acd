import { z } from "zod";
import type { AuditRecord, RunRecord } from "../../state/contract.ts";
import { fromWire, toWire, wireShape } from "../../state/derive/wire.ts";
import { audit, runs, shownOfAudit, shownOfRun } from "../../state/tables.ts";
import { count } from "./values.ts";

const runShown = ["connector", "stream", ...shownOfRun] as const;

export const runRecord = z
  .object(wireShape(runs, runShown))
  .meta({ id: "RunRecord", description: "One run in a stream's history." });
export type WireRunRecord = z.infer<typeof runRecord>;

export function runRecordToWire({ key, ...run }: RunRecord): WireRunRecord {
  return toWire(runs, runShown, { ...run, ...key });
}

export function runRecordFromWire(wire: WireRunRecord): RunRecord {
  const { connector, stream, ...run } = fromWire(runs, runShown, wire);
  return { ...run, key: { connector, stream } };
}

const auditShown = ["connector", "stream", ...shownOfAudit] as const;

export const auditRecord = z
  .object(wireShape(audit, auditShown))
  .meta({ id: "AuditRecord", description: "One row of the append-only audit log." });
export type WireAuditRecord = z.infer<typeof auditRecord>;

export function auditRecordToWire({ key, ...row }: AuditRecord): WireAuditRecord {
  return toWire(audit, auditShown, { ...row, ...key });
}

export function auditRecordFromWire(wire: WireAuditRecord): AuditRecord {
  const { connector, stream, ...row } = fromWire(audit, auditShown, wire);
  return { ...row, key: { connector, stream } };
}

export const verifiedAudit = z
  .object({
    verified: z.literal(true),
    streams: count.meta({ description: "How many streams' logs were read.", example: 14 }),
    rows: count.meta({ example: 20_311 }),
    key_rows: count
      .optional()
      .meta({ description: "Rows of the API keys' own log, where all was verified." }),
  })
  .meta({ id: "VerifiedAudit", description: "The hash chain holds: no row was altered, removed or moved." });
