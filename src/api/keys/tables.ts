import { z } from "zod";
import { setVersionIn, type TablesWithVersionRow } from "../../databases/versioned-tables.ts";
import { columnDefinitions, type Dialect } from "../../state/derive/ddl.ts";
import { choice, type Kind, sortedText, text, timeText, wholeNumber } from "../../state/derive/kinds.ts";
import { type Fields, keyColumns, optional, required, table } from "../../state/derive/table.ts";
import { scopes } from "../contracts/routes.ts";
import { storableText } from "../contracts/values.ts";
import { keyIdForm } from "./key-text.ts";
import { visibleTerms } from "./terms.ts";

/**
 * The tables of the API keys, each described once, as `state/tables.ts` describes those of the state: tables in SQL, what
 * is read and written, and the messages of the service all follow from here.
 */

export const keyActions = ["create", "revoke"] as const;

const keyId: Kind<string> = { ...sortedText, wire: z.string().regex(keyIdForm, "is not a key's id") };

/** ISO 8601 in UTC, in memory too. */
const keyTime: Kind<string> = { ...timeText, stored: z.iso.datetime() };
const sortedTime: Kind<string> = { ...keyTime, postgres: sortedText.postgres };

/** Patterns of connectors, as a JSON list in a column of text. */
const patterns: Kind<readonly string[]> = {
  sqlite: "TEXT",
  postgres: "text",
  stored: z.string().transform((written, context): readonly string[] => {
    const parsed = z.array(z.string()).safeParse(jsonOf(written));
    if (parsed.success) return parsed.data;
    context.addIssue({ code: "custom", message: "it is no list of texts" });
    return z.NEVER;
  }),
  encode: (value) => JSON.stringify(value),
  wire: z.array(storableText.min(1).max(200)).min(1).max(50),
  show: (value) => [...value],
};

function jsonOf(written: string): unknown {
  try {
    return JSON.parse(written);
  } catch {
    return null;
  }
}

/** What a key may do, as JSON in a column of text; the hash of the secret in it is not for others. */
const termsText: Kind<string, Record<string, unknown>> = {
  ...text,
  wire: z.record(z.string(), z.unknown()),
  show: visibleTerms,
};

const aboutTime = { description: "ISO 8601 in UTC.", example: "2026-03-01T08:00:04.120Z" };
const aboutKeyId = { description: "Names the key; it is no secret.", example: "key_3f9c2a7d51e04b86" };

/** One row a key. */
export const apiKeys = table("tidemark_keys", ["id"], {
  id: required("id", keyId, aboutKeyId),
  name: optional("name", text, { description: "What people call it.", example: "nightly SAP sync" }),
  scope: required("scope", choice(scopes), {
    description: "`run` may do what `read` may, `admin` what `run` may.",
    example: "run",
  }),
  connectors: optional("connectors", patterns, {
    description: "Patterns of the connectors it is bound to, with `*` and `?`; null for every connector.",
    example: ["sap_*"],
  }),
  /** The SHA-256 of the secret. */
  hash: required("hash", text),
  createdAtUtc: required("created_at_utc", keyTime, aboutTime),
  createdBy: required("created_by", text, { example: "ada" }),
  expiresAtUtc: optional("expires_at_utc", keyTime, aboutTime),
  revokedAtUtc: optional("revoked_at_utc", keyTime, aboutTime),
  revokedBy: optional("revoked_by", text),
  lastUsedAtUtc: optional("last_used_at_utc", sortedTime, { ...aboutTime, description: "To the minute." }),
});

/** What people may see of a key: all but the hash of its secret. */
export const shownOfKey = [
  "id",
  "name",
  "scope",
  "connectors",
  "createdAtUtc",
  "createdBy",
  "expiresAtUtc",
  "revokedAtUtc",
  "revokedBy",
  "lastUsedAtUtc",
] as const;

/** The columns of a key that its revocation changes; the time of its last use has a statement of its own. */
export const revocationColumns = ["revoked_at_utc", "revoked_by"] as const;

/** The append-only log: one row a creation or revocation. */
export const keyAudit = table("tidemark_key_audit", ["number"], {
  number: required("number", wholeNumber, { description: "Counts from 1, without gaps.", example: 3 }),
  keyId: required("key_id", { ...keyId, postgres: "text" }, aboutKeyId),
  atUtc: required("at_utc", timeText, aboutTime),
  actor: required("actor", text, {
    description: "Who acted: a user of the machine, or another key's id.",
    example: "ada",
  }),
  action: required("action", choice(keyActions), { example: "create" }),
  terms: required("terms", termsText, { description: "What the key may do and until when." }),
  hash: required("hash", text, { description: "Covers every other field and the row before it." }),
});

export const shownOfKeyAudit = ["number", "keyId", "atUtc", "actor", "action", "terms", "hash"] as const;

/** A key as stored. Times are ISO 8601 in UTC; `hash` is the SHA-256 of the secret. */
export type KeyRow = Fields<typeof apiKeys.columns>;

/**
 * One row of the keys' audit log. `number` counts from 1, without gaps. `terms` is what the key may do and until when, as
 * JSON. `hash` covers every other field and the row before it.
 */
export type KeyAuditRecord = Fields<typeof keyAudit.columns>;

/** The tables at the newest version and on the way to it, with the end of the log next to the version. */
export function keyTables(dialect: Dialect): TablesWithVersionRow {
  const withoutRowid = dialect === "sqlite" ? " WITHOUT ROWID" : "";
  const number = wholeNumber[dialect];
  return {
    title: "the tables of the API keys",
    versionTable: "tidemark_key_schema",
    mainTable: apiKeys.name,
    create: `
      CREATE TABLE ${apiKeys.name} (
        ${columnDefinitions(apiKeys, dialect)}, PRIMARY KEY (${keyColumns(apiKeys)}))${withoutRowid};
      CREATE TABLE ${keyAudit.name} (
        ${columnDefinitions(keyAudit, dialect)}, PRIMARY KEY (${keyColumns(keyAudit)}));
      CREATE TABLE tidemark_key_schema (
        version INTEGER NOT NULL, audit_number ${number} NOT NULL, audit_head TEXT NOT NULL);
      INSERT INTO tidemark_key_schema VALUES (0, 0, '');`,
    steps: [],
    setVersion: setVersionIn("tidemark_key_schema"),
  };
}
