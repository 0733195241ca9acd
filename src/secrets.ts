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

/** Registers a value, and its percent-encoded form, to be masked wherever text leaves the process. */
export function registerSecret(value: string): void {
  if (value.length < shortestSecret) return;
  const forms = [value, encodeURIComponent(value.toWellFormed()), JSON.stringify(value).slice(1, -1)];
  // The longest first: one that holds another must be masked whole.
  secrets = [...new Set([...secrets, ...forms])].sort((a, b) => b.length - a.length);
}

/** Each part is of limited length, so that no text, however long, takes long to look through. */
const urlPassword = /([a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/@]{0,256}:)([^\s@]{1,1024})(@)/gi;

/** The text with every registered secret, and every password inside a URL, masked. */
export function redact(text: string): string {
  let clean = text.replace(urlPassword, `$1${mask}$3`);
  for (const secret of secrets) {
    if (clean.includes(secret)) clean = clean.replaceAll(secret, mask);
  }
  return clean;
}
