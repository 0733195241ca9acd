import { z } from "zod";
import { TidemarkError } from "../../errors.ts";
import { scopes } from "../contracts/routes.ts";
import { type KeyAuditRecord, keyActions } from "./audit.ts";
import type { KeyRow } from "./key-row.ts";

/** The columns of the tables, the same in every database; all but the number are text. */
export const keyColumns = [
  "id",
  "name",
  "scope",
  "connectors",
  "hash",
  "created_at_utc",
  "created_by",
  "expires_at_utc",
  "revoked_at_utc",
  "revoked_by",
  "last_used_at_utc",
] as const;

export const auditColumns = ["number", "key_id", "at_utc", "actor", "action", "terms", "hash"] as const;

const list = z.string().transform((text, context): string[] => {
  const parsed = z.array(z.string()).safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  context.addIssue({ code: "custom", message: "it is no list of texts" });
  return z.NEVER;
});

const keySchema = z.object({
  id: z.string(),
  name: z.string().nullable(),
  scope: z.enum(scopes),
  connectors: list.nullable(),
  hash: z.string(),
  created_at_utc: z.iso.datetime(),
  created_by: z.string(),
  expires_at_utc: z.iso.datetime().nullable(),
  revoked_at_utc: z.iso.datetime().nullable(),
  revoked_by: z.string().nullable(),
  last_used_at_utc: z.iso.datetime().nullable(),
});

const auditSchema = z.object({
  number: z.int(),
  key_id: z.string(),
  at_utc: z.string(),
  actor: z.string(),
  action: z.enum(keyActions),
  terms: z.string(),
  hash: z.string(),
});

/** Throws `STATE_UNREADABLE` for a row that is no key. */
export function readKeyRow(raw: unknown, holder: string): KeyRow {
  const row = read(keySchema, raw, holder);
  return {
    id: row.id,
    name: row.name,
    scope: row.scope,
    connectors: row.connectors,
    hash: row.hash,
    createdAtUtc: row.created_at_utc,
    createdBy: row.created_by,
    expiresAtUtc: row.expires_at_utc,
    revokedAtUtc: row.revoked_at_utc,
    revokedBy: row.revoked_by,
    lastUsedAtUtc: row.last_used_at_utc,
  };
}

/** A key by its columns. */
export function keyFields(row: KeyRow): Record<(typeof keyColumns)[number], string | null> {
  return {
    id: row.id,
    name: row.name,
    scope: row.scope,
    connectors: row.connectors === null ? null : JSON.stringify(row.connectors),
    hash: row.hash,
    created_at_utc: row.createdAtUtc,
    created_by: row.createdBy,
    expires_at_utc: row.expiresAtUtc,
    revoked_at_utc: row.revokedAtUtc,
    revoked_by: row.revokedBy,
    last_used_at_utc: row.lastUsedAtUtc,
  };
}

export function readKeyAudit(raw: unknown, holder: string): KeyAuditRecord {
  const { key_id: keyId, at_utc: atUtc, ...rest } = read(auditSchema, raw, holder);
  return { ...rest, keyId, atUtc };
}

/** A row of the log by its columns. */
export function auditFields(row: KeyAuditRecord): Record<(typeof auditColumns)[number], string | number> {
  const { number, keyId: key_id, atUtc: at_utc, actor, action, terms, hash } = row;
  return { number, key_id, at_utc, actor, action, terms, hash };
}

export function keysTooNew(holder: string, version: number, known: number): TidemarkError {
  return new TidemarkError(
    "STATE_TOO_NEW",
    `${holder}: the tables of the API keys are of version ${version}; this version of Tidemark knows ${known}`,
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function read<T>(schema: z.ZodType<T>, raw: unknown, holder: string): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new TidemarkError(
    "STATE_UNREADABLE",
    `${holder}: a stored API key cannot be read: ${z.prettifyError(parsed.error)}`,
  );
}
