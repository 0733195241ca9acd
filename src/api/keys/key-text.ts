import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * A key as its holder has it: `tmk_<id>_<secret>`. The id names it wherever people see it; the secret
 * is 256 random bits, so that its plain SHA-256 says nothing about it and is all that is stored.
 */
export interface KeyText {
  readonly id: string;
  readonly secret: string;
}

const form = /^tmk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

export const keyIdForm = /^key_[0-9a-f]{16}$/;

export function newKeyText(): KeyText {
  return { id: `key_${randomBytes(8).toString("hex")}`, secret: randomBytes(32).toString("base64url") };
}

export function formatKey({ id, secret }: KeyText): string {
  return `tmk_${id.slice("key_".length)}_${secret}`;
}

/** Null for what is no key by its form. */
export function parseKey(text: string): KeyText | null {
  const [, id, secret] = form.exec(text) ?? [];
  return id === undefined || secret === undefined ? null : { id: `key_${id}`, secret };
}

/** What is stored of a secret. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether a secret has that hash; takes as long whether it does or not. */
export function isSecretOf(secret: string, hash: string): boolean {
  const given = createHash("sha256").update(secret).digest();
  const stored = Buffer.from(hash, "hex");
  return stored.length === given.length && timingSafeEqual(given, stored);
}
