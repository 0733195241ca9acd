/** The forms in which others write a value down: what has to be masked is any of them. */

/** Shorter texts in base64 are found in other texts by chance. */
const shortestBase64 = 8;

/**
 * A value as it stands in addresses, forms, JSON, HTML and base64, the value itself first. In base64 it is found wherever it
 * begins: `user:password` is one text there.
 */
export function formsOf(value: string): readonly string[] {
  const encoded = encodeURIComponent(value.toWellFormed());
  const json = JSON.stringify(value).slice(1, -1);
  const forms = [
    value,
    ...inAddress(value, encoded),
    json,
    json.replaceAll("/", "\\/"),
    escaped(json, /[<>&'+=\u0080-\uffff]/g),
    escaped(json.replaceAll("/", "\\/"), /[\u0080-\uffff]/g),
    ...inHtml(value),
    ...inBase64(value),
  ];
  return [...new Set(forms)];
}

/** Percent-encoded once and twice, also as forms and by those who write hexadecimal digits small. */
function inAddress(value: string, encoded: string): string[] {
  const form = new URLSearchParams([["", value]]).toString().slice(1);
  const strict = encoded.replace(/[!'()*]/g, percent);
  const once = [encoded, strict, form, form.replaceAll("+", "%20"), encodeURI(value.toWellFormed())];
  const twice = [encodeURIComponent(encoded), encodeURIComponent(form)];
  return [...once, ...twice].flatMap((text) => [text, smallDigits(text)]);
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

function smallDigits(text: string): string {
  return text.replace(/%(?:25)?[0-9A-F]{2}/g, (code) => code.toLowerCase());
}

function escaped(json: string, characters: RegExp): string {
  return json.replace(
    characters,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function inHtml(value: string): string[] {
  const named = value
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
  return ["&#39;", "&#x27;", "&apos;"].map((quote) => named.replaceAll("'", quote));
}

function inBase64(value: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.from(`${"\0".repeat(before)}${value}`);
    // The digits at both ends hold bits of what stands next to the value.
    const first = Math.ceil((before * 8) / 6);
    const digits = bytes.toString("base64").slice(first, Math.floor((bytes.length * 8) / 6));
    if (digits.length < shortestBase64) return [];
    return [digits, digits.replaceAll("+", "-").replaceAll("/", "_"), encodeURIComponent(digits)];
  });
}

/** Half a secret tells most of it; less than this is a word that occurs by itself. */
const shortestPart = 12;
const longestPart = 32;

/** Stretches of secrets by their length, of which a text that repeats half of a secret holds one. */
export type SecretParts = ReadonlyMap<number, ReadonlySet<string>>;

/**
 * The parts of some secrets. Of a JSON Web Token the head is left out: all tokens of one issuer begin with it. Short secrets
 * have none.
 */
export function partsOf(secrets: Iterable<string>): SecretParts {
  const parts = new Map<number, Set<string>>();
  for (const secret of secrets) {
    for (const text of bodyOf(secret)) {
      if (text.length < shortestPart) continue;
      const length = Math.min(longestPart, Math.max(shortestPart, Math.ceil(text.length / 2)));
      const known = parts.get(length) ?? new Set();
      for (let at = 0; at + length <= text.length; at++) known.add(text.slice(at, at + length));
      parts.set(length, known);
    }
  }
  return parts;
}

function bodyOf(secret: string): readonly string[] {
  const [, ...body] = /^eyJ[\w-]+\.([\w-]+)\.([\w-]+)$/.exec(secret) ?? [];
  return body.length === 0 ? [secret] : body;
}

/** Whether a text holds one of the parts. */
export function holdsPart(text: string, parts: SecretParts): boolean {
  for (const [length, known] of parts) {
    for (let at = 0; at + length <= text.length; at++)
      if (known.has(text.slice(at, at + length))) return true;
  }
  return false;
}

const mostDecoded = 64;

/** A text and what it decodes to, over and over: percent signs, JSON's escapes, base64. */
export function* decodingsOf(text: string): Generator<string> {
  const seen = new Set([text]);
  // A set is gone through in the order in which it is filled, also while it grows.
  for (const form of seen) {
    yield form;
    for (const decoded of decodedOnce(form)) if (seen.size < mostDecoded) seen.add(decoded);
  }
}

function* decodedOnce(text: string): Generator<string> {
  if (/%[0-9a-f]{2}/i.test(text)) {
    const bytes = text.replace(/(?:%[0-9a-f]{2})+/gi, (codes) =>
      Buffer.from(codes.replaceAll("%", ""), "hex").toString(),
    );
    yield bytes;
    yield bytes.replaceAll("+", " ");
  }
  if (text.includes("\\")) {
    yield text
      .replace(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
      .replace(/\\(.)/g, "$1");
  }
  for (const [digits] of text.matchAll(/[A-Za-z0-9+/_-]{12,}/g)) {
    const decoded = Buffer.from(digits, "base64").toString();
    // An ordinary word decodes to bytes that are no text.
    if (!/[\p{Cc}\ufffd]/u.test(decoded)) yield decoded;
  }
}
