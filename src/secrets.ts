import { decodingsOf, formsOf, holdsPart, partsOf, type SecretParts } from "./secret-forms.ts";

/**
 * Values that must never be shown (promise P14). They are registered where they enter, when a
 * pipeline or a URL is read, and every message, log line and stored error passes `redact`.
 * The registry is one for the process because a secret is one for the process: a driver's error in
 * another pipeline may carry it just as well.
 */
const lasting = new Map<string, Secret>();
/** Those that are replaced from time to time, while they are in use. */
const passing = new Map<SecretSlot, Secret>();
/** The last ones that were replaced, which a late answer may still repeat. */
let replaced: readonly Secret[] = [];
const mostReplaced = 32;

/** All forms of all of them, the longest first: one that holds another must be masked whole. */
let allForms: readonly string[] = [];
/** The parts of all of them; made when they are first needed. */
let allParts: SecretParts | null = null;

interface Secret {
  readonly value: string;
  readonly forms: readonly string[];
}

/** Shorter values would blank out ordinary words and numbers. */
const shortestSecret = 4;
const mask = "[redacted]";

/**
 * What is also a word, a name or a number: `body`, `created_at`, `8080`. Masked wherever it occurs it would
 * make addresses and sentences unreadable, and the mask would tell what the secret is.
 */
const ordinary = /^(?:[a-z_]{1,11}|\d{1,7})$/i;

/** Secrets that are ordinary, with what finds them where a value stands, and where a secret does. */
const ordinarySecrets = new Map<string, { readonly value: RegExp; readonly named: RegExp }>();

/**
 * Registers a value, in every form in which others write it down, to be masked wherever text leaves the process. One that
 * is an ordinary word or number is masked only where it stands as a value: alone, in quotes, behind `=`,
 * behind a name such as `password:`, or behind `Bearer`.
 */
export function registerSecret(value: string): void {
  if (value.length < shortestSecret || lasting.has(value)) return;
  if (ordinary.test(value)) {
    if (!ordinarySecrets.has(value)) {
      ordinarySecrets.set(value, { value: behind(value, before), named: behind(value, beforeSecrets) });
    }
    return;
  }
  lasting.set(value, secretOf(value));
  collect();
}

/** Holds a secret that is replaced by another one again and again: an access token. */
export class SecretSlot {
  /** Registers a value in place of the last one, which is forgotten when enough others have followed. */
  hold(value: string): void {
    if (passing.get(this)?.value === value) return;
    this.release();
    if (value.length < shortestSecret) return;
    passing.set(this, secretOf(value));
    collect();
  }

  /** To be called when the value is no longer in use. */
  release(): void {
    const last = passing.get(this);
    if (last === undefined) return;
    passing.delete(this);
    replaced = [...replaced.filter(({ value }) => value !== last.value), last].slice(-mostReplaced);
    collect();
  }
}

function secretOf(value: string): Secret {
  return { value, forms: formsOf(value) };
}

function all(): Secret[] {
  return [...lasting.values(), ...passing.values(), ...replaced];
}

function collect(): void {
  allForms = [...new Set(all().flatMap(({ forms }) => forms))].sort((a, b) => b.length - a.length);
  allParts = null;
}

const beforeSecrets = [
  "(?<=(?:secret|passw(?:or)?d|pwd|token|key|signature|credentials?|authorization|cookie)[\"']?\\s{0,3}[:=]\\s{0,3}[\"']?)",
  "(?<=\\b(?:bearer|basic|apikey)\\s{1,3})",
];
const before = ["(?<=[\"'=])", ...beforeSecrets];

function behind(word: string, places: readonly string[]): RegExp {
  return new RegExp(`(?:${places.join("|")})${word}(?=$|[\\s"'&,;)\\]}])`, "gi");
}

/**
 * A password may hold an `@` itself; a port is none. Each part is of limited length, so that no text, however long, takes
 * long to look through.
 */
const urlPassword =
  /([a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/@]{0,256}:)(?!\d{1,5}[/?#])([^\s@]{1,1024}(?:@[^\s@/?#]{1,256}){0,8})(@)/gi;

/** The text with every registered secret, and every password inside a URL, masked. */
export function redact(text: string): string {
  let clean = text.replace(urlPassword, `$1${mask}$3`);
  for (const secret of allForms) {
    if (clean.includes(secret)) clean = clean.replaceAll(secret, mask);
  }
  for (const [word, { value }] of ordinarySecrets) {
    if (clean.includes(word)) clean = clean.trim() === word ? mask : clean.replace(value, mask);
  }
  return clean;
}

/** A value with every text in it masked by itself: over the whole of it, masks could cross from one text to the next. */
export function redactIn(value: unknown): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map(redactIn);
  if (typeof value !== "object" || value === null) return value;
  return redactFields(value);
}

/** The same for an object's fields. */
export function redactFields(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, inner]) => [name, redactIn(inner)]));
}

/** Whether a part of a text, such as a name in it, is in the text only where it holds a secret. */
export function isInSecret(part: string, text: string): boolean {
  const masked = redact(text);
  return masked !== text && !masked.includes(part);
}

/** No link or token is as long; looking through all that such a text decodes to would take seconds. */
const longestDecoded = 65_536;

/**
 * Whether a text that is to be kept holds a registered secret, or half of one, however it is encoded. An ordinary word counts
 * only behind a secret's name: elsewhere it says nothing.
 *
 * ```ts
 * if (holdsSecret(link)) throw …; // "/next?session=dG9r…"
 * ```
 */
export function holdsSecret(text: string): boolean {
  for (const [word, { named }] of ordinarySecrets) {
    if (text.includes(word) && text.replace(named, "") !== text) return true;
  }
  if (allForms.some((form) => text.includes(form))) return true;
  if (text.length > longestDecoded) return false;
  const secrets = all().map(({ value }) => value);
  if (secrets.length === 0) return false;
  allParts ??= partsOf(secrets);
  for (const decoded of decodingsOf(text)) {
    if (secrets.some((secret) => decoded.includes(secret)) || holdsPart(decoded, allParts)) return true;
  }
  return false;
}
