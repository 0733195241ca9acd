import type { Scope } from "../contracts/routes.ts";

/** A key as stored. Times are ISO 8601 in UTC; `hash` is the SHA-256 of the secret. */
export interface KeyRow {
  readonly id: string;
  readonly name: string | null;
  readonly scope: Scope;
  /** Patterns of the connectors that it is bound to; null for every connector. */
  readonly connectors: readonly string[] | null;
  readonly hash: string;
  readonly createdAtUtc: string;
  readonly createdBy: string;
  readonly expiresAtUtc: string | null;
  readonly revokedAtUtc: string | null;
  readonly revokedBy: string | null;
  /** Kept to the minute. */
  readonly lastUsedAtUtc: string | null;
}
