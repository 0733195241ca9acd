/**
 * Values that must never be shown (promise P14). They are registered where they enter, when a
 * pipeline or a URL is read, and every message, log line and stored error passes `redact`.
 * The registry is one for the process because a secret is one for the process: a driver's error in
 * another pipeline may carry it just as well.
 */
let secrets: readonly string[] = [];

/** Shorter values would blank out ordinary words and numbers. */
const shortestSecret = 4;
const mask = "[redacted]";

/**
 * What is also a word, a name or a number: `body`, `created_at`, `8080`. Masked wherever it occurs it would
 * make addresses and sentences unreadable, and the mask would tell what the secret is.
 */
const ordinary = /^(?:[a-z_]{1,11}|\d{1,7})$/i;

/** Secrets that are ordinary, with what finds them where a value stands. */
const ordinarySecrets = new Map<string, RegExp>();

/**
 * Registers a value, and its percent-encoded form, to be masked wherever text leaves the process. One that
 * is an ordinary word or number is masked only where it stands as a value: alone, in quotes, behind `=`,
 * behind a name such as `password:`, or behind `Bearer`.
 */
export function registerSecret(value: string): void {
  if (value.length < shortestSecret) return;
  if (ordinary.test(value)) {
    ordinarySecrets.set(value, asValue(value));
    return;
  }
  const forms = [value, encodeURIComponent(value.toWellFormed()), JSON.stringify(value).slice(1, -1)];
  // The longest first: one that holds another must be masked whole.
  secrets = [...new Set([...secrets, ...forms])].sort((a, b) => b.length - a.length);
}

const before = [
  "(?<=[\"'=])",
  "(?<=(?:secret|passw(?:or)?d|pwd|token|key|signature|credentials?|authorization|cookie)[\"']?\\s{0,3}[:=]\\s{0,3})",
  "(?<=\\b(?:bearer|basic|apikey)\\s{1,3})",
];

function asValue(word: string): RegExp {
  return new RegExp(`(?:${before.join("|")})${word}(?=$|[\\s"'&,;)\\]}])`, "gi");
}

/** Each part is of limited length, so that no text, however long, takes long to look through. */
const urlPassword = /([a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/@]{0,256}:)([^\s@]{1,1024})(@)/gi;

/** The text with every registered secret, and every password inside a URL, masked. */
export function redact(text: string): string {
  let clean = text.replace(urlPassword, `$1${mask}$3`);
  for (const secret of secrets) {
    if (clean.includes(secret)) clean = clean.replaceAll(secret, mask);
  }
  for (const [word, place] of ordinarySecrets) {
    if (clean.includes(word)) clean = clean.trim() === word ? mask : clean.replace(place, mask);
  }
  return clean;
}
