import { isSecretName } from "../../src/http/address.ts";
import { parseJson } from "../../src/model/json.ts";
import { redact, registerSecret } from "../../src/secrets.ts";

/** Shorter values are replaced where they stand, not wherever they occur: they would hit ordinary words. */
const shortestSearched = 8;
const aliasSyntax = /^redacted-\d+$/;

/** Whether a value stands for a secret that was left out. */
export function isAlias(value: string): boolean {
  return aliasSyntax.test(value);
}

/**
 * The secrets of one recording, each with a name that stands for it (`redacted-1`), the same wherever the
 * secret occurs. So a token that one answer gives and the next request sends is still the same in both.
 */
export class Aliases {
  readonly #aliases = new Map<string, string>();
  readonly #names: ReadonlySet<string>;
  /** What the source has said so far, as it is stored. */
  readonly #visible: string[] = [];

  /** `names` are further headers, parameters and fields that carry secrets. */
  constructor(names: readonly string[]) {
    this.#names = new Set(names.map((name) => name.toLowerCase()));
  }

  isSecret(name: string): boolean {
    return isSecretName(name) || this.#names.has(name.toLowerCase());
  }

  /** `Bearer abc` keeps its first word, which is none of the secret. */
  header(name: string, value: string): string {
    if (!this.isSecret(name)) return this.mask(value);
    const [, scheme = "", credential = value] = /^([A-Za-z]+ )(\S.*)$/.exec(value) ?? [];
    return `${scheme}${this.#of(credential)}`;
  }

  /**
   * A parameter's value. One that the source gave out itself, in plain sight, is a page token and no
   * secret, whatever its name.
   */
  parameter(name: string, value: string): string {
    if (!this.isSecret(name)) return this.mask(value);
    const known = this.#aliases.get(value);
    if (known === undefined && this.#visible.some((text) => text.includes(value))) return this.mask(value);
    return this.#of(value);
  }

  /** A request's body: the fields of a form and the members of a JSON object that are secret by their names. */
  requestBody(text: string, contentType: string): string {
    if (!contentType.startsWith("application/x-www-form-urlencoded")) return this.#members(text);
    const fields = new URLSearchParams();
    for (const [name, value] of new URLSearchParams(text)) fields.append(name, this.parameter(name, value));
    return fields.toString();
  }

  /** An answer's text; from now on what is left of it is in plain sight. */
  answer(text: string): string {
    const masked = this.#members(text);
    this.#visible.push(masked);
    return masked;
  }

  /** The text with every secret known so far replaced, and what the process keeps as secret masked. */
  mask(text: string): string {
    let clean = text;
    for (const [value, alias] of this.#aliases) {
      if (value.length < shortestSearched) continue;
      for (const form of new Set([value, encodeURIComponent(value.toWellFormed())])) {
        clean = clean.replaceAll(form, alias);
      }
    }
    return redact(clean);
  }

  #members(text: string): string {
    const member = /("([^"\\]+)"\s*:\s*)("(?:[^"\\]|\\.)+")/g;
    const clean = text.replace(member, (whole: string, before: string, name: string, quoted: string) =>
      this.isSecret(name) ? `${before}"${this.#of(String(parseJson(quoted)))}"` : whole,
    );
    return this.mask(clean);
  }

  #of(value: string): string {
    const known = this.#aliases.get(value);
    if (known !== undefined || value === "" || isAlias(value)) return known ?? value;
    const alias = `redacted-${this.#aliases.size + 1}`;
    this.#aliases.set(value, alias);
    return alias;
  }
}

/** Registers the credential of a header that carries one, so that no message shows it. */
export function registerHeader(name: string, value: string): void {
  if (!isSecretName(name)) return;
  registerSecret(value);
  registerSecret(value.replace(/^\S+\s+/, ""));
}
