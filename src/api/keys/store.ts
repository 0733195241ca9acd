import { type Clock, systemClock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";
import type { ChainLink } from "../../state/hash-chain.ts";
import type { Scope } from "../contracts/routes.ts";
import { chained, termsOf, verifyKeyAudit } from "./audit.ts";
import { formatKey, hashSecret, newKeyText } from "./key-text.ts";
import type { KeyAuditRecord, KeyRow } from "./tables.ts";

/** What people may see of a key. */
export type KeyRecord = Omit<KeyRow, "hash">;

export interface NewKey {
  readonly scope: Scope;
  readonly connectors?: readonly string[] | null;
  readonly name?: string | null;
  readonly expiresAtUtc?: string | null;
}

/** A new key; `key` is the only time that the secret is seen. */
export interface IssuedKey {
  readonly id: string;
  readonly key: string;
  readonly scope: Scope;
  readonly record: KeyRecord;
}

/** The operations on keys that people use, wherever the keys are kept. */
export interface KeyManagement extends AsyncDisposable {
  create(wanted: NewKey, actor: string): Promise<IssuedKey>;
  list(): Promise<KeyRecord[]>;
  revoke(id: string, actor: string): Promise<KeyRecord>;
  /** Oldest first. */
  audit(): Promise<KeyAuditRecord[]>;
}

/** What a change of the keys is decided by. */
export interface KeysFound {
  readonly row: KeyRow | null;
  /** How many keys there are, revoked and expired ones too. */
  readonly keys: number;
  readonly tail: ChainLink;
}

export interface KeyChange {
  readonly row: KeyRow;
  readonly audit: KeyAuditRecord;
}

/** Where keys are kept: in a table of their own in the database that holds the state. */
export interface KeyStorage {
  find(id: string): Promise<KeyRow | null>;
  /** By time of creation. */
  list(): Promise<KeyRow[]>;
  /** Decides and stores a change while no other change is made; null leaves all as it is. */
  change(id: string, decide: (found: KeysFound) => KeyChange | null): Promise<void>;
  /** Stores a time of use, unless one from after `unlessAfterUtc` is stored. */
  touch(id: string, atUtc: string, unlessAfterUtc: string): Promise<void>;
  /** The whole log and what is remembered of its end, as of one moment. */
  audit(): Promise<{ readonly rows: KeyAuditRecord[]; readonly tail: ChainLink; readonly keys: KeyRow[] }>;
  close(): Promise<void>;
}

const minute = 60_000;

/**
 * The service's API keys. Every creation and revocation is in an audit log of its own, chained by
 * hashes as the streams' are.
 *
 * All methods may be called at once and from many processes. Throws `STATE_UNAVAILABLE`,
 * `STATE_UNREADABLE`, `STATE_TOO_NEW` as the state store does.
 *
 * ```ts
 * await using keys = await openKeys("sqlite:./.tidemark/state.db");
 * const { id, key } = await keys.create({ scope: "run", connectors: ["sap_*"] }, "ada");
 * ```
 */
export class KeyStore implements KeyManagement {
  readonly #storage: KeyStorage;
  readonly #clock: Clock;

  constructor(storage: KeyStorage, clock: Clock = systemClock) {
    this.#storage = storage;
    this.#clock = clock;
  }

  /** Makes a key; who made it is in the audit log. */
  async create(wanted: NewKey, actor: string): Promise<IssuedKey> {
    const issued = await this.#issue(wanted, actor, () => true);
    if (issued === null) throw new TidemarkError("INTERNAL", "a new key was not stored");
    return issued;
  }

  /** Makes the very first key; null where there are keys already, however many call at once. */
  createFirst(wanted: NewKey, actor: string): Promise<IssuedKey | null> {
    return this.#issue(wanted, actor, (found) => found.keys === 0);
  }

  async #issue(
    wanted: NewKey,
    actor: string,
    allowed: (found: KeysFound) => boolean,
  ): Promise<IssuedKey | null> {
    const text = newKeyText();
    const atUtc = this.#now();
    const row: KeyRow = {
      id: text.id,
      name: wanted.name ?? null,
      scope: wanted.scope,
      connectors: wanted.connectors ?? null,
      hash: hashSecret(text.secret),
      createdAtUtc: atUtc,
      createdBy: actor,
      expiresAtUtc: wanted.expiresAtUtc ?? null,
      revokedAtUtc: null,
      revokedBy: null,
      lastUsedAtUtc: null,
    };
    let stored = false;
    await this.#storage.change(text.id, (found) => {
      stored = allowed(found);
      if (!stored) return null;
      const entry = { keyId: row.id, atUtc, actor, action: "create", terms: termsOf(row) } as const;
      return { row, audit: chained(found.tail, entry) };
    });
    if (!stored) return null;
    return { id: row.id, key: formatKey(text), scope: row.scope, record: recordOf(row) };
  }

  /** A key with the hash of its secret; null where there is none. */
  find(id: string): Promise<KeyRow | null> {
    return this.#storage.find(id);
  }

  /** All keys, by time of creation, without their hashes. */
  async list(): Promise<KeyRecord[]> {
    return (await this.#storage.list()).map(recordOf);
  }

  /** Whether there is a key that can be used now. */
  async hasUsable(): Promise<boolean> {
    const now = this.#clock.now();
    return (await this.#storage.list()).some((row) => !isOver(row, now));
  }

  /** Revokes a key permanently, at once; repeating it has no effect. Throws `KEY_NOT_FOUND`. */
  async revoke(id: string, actor: string): Promise<KeyRecord> {
    const atUtc = this.#now();
    let after: KeyRow | null = null;
    await this.#storage.change(id, ({ row, tail }) => {
      if (row === null) throw new TidemarkError("KEY_NOT_FOUND", `there is no key ${id}`);
      after = row;
      if (row.revokedAtUtc !== null) return null;
      const revoked: KeyRow = { ...row, revokedAtUtc: atUtc, revokedBy: actor };
      after = revoked;
      const entry = { keyId: id, atUtc, actor, action: "revoke", terms: termsOf(row) } as const;
      return { row: revoked, audit: chained(tail, entry) };
    });
    if (after === null) throw new TidemarkError("KEY_NOT_FOUND", `there is no key ${id}`);
    return recordOf(after);
  }

  /** Remembers that a key was used, to the minute. */
  async touch(id: string): Promise<void> {
    const now = this.#clock.now();
    await this.#storage.touch(id, new Date(now).toISOString(), new Date(now - minute).toISOString());
  }

  /** The keys' audit log, oldest first. */
  async audit(): Promise<KeyAuditRecord[]> {
    return (await this.#storage.audit()).rows;
  }

  /**
   * Verifies the log's hash chain, and that every key is as the log says. Throws `AUDIT_BROKEN` naming
   * the first row that is not.
   */
  async verifyAudit(): Promise<{ rows: number }> {
    const { rows, tail, keys } = await this.#storage.audit();
    verifyKeyAudit(rows, tail, keys);
    return { rows: rows.length };
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }

  async close(): Promise<void> {
    await this.#storage.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Whether a key can no longer be used. */
export function isOver(row: Pick<KeyRow, "revokedAtUtc" | "expiresAtUtc">, now: number): boolean {
  return row.revokedAtUtc !== null || (row.expiresAtUtc !== null && Date.parse(row.expiresAtUtc) <= now);
}

export function recordOf({ hash: _, ...record }: KeyRow): KeyRecord {
  return record;
}
