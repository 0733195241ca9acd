type Headers = ReadonlyMap<string, string>;

/** The wait that an answer asks for; null where there is none, or it cannot be read. */
export interface AskedWait {
  readonly milliseconds: number;
  /** The header that says so, for messages. */
  readonly header: string;
}

/** A clock that differs from the server's by less is trusted: the `Date` header has whole seconds. */
const skewAllowedMs = 5000;

/** Headers that say when a limit ends: `X-RateLimit-Reset`, `RateLimit-Reset`, `X-RateLimit-Reset-Requests` … */
const resetName = /^(?:x-)?(?:[a-z]+-)?rate-?limit(?:-[a-z]+)*-reset(?:-[a-z]+)*$/;
const remainingName = /^(?:x-)?(?:[a-z]+-)?rate-?limit(?:-[a-z]+)*-remaining(?:-[a-z]+)*$/;

const inMilliseconds = ["retry-after-ms", "x-ms-retry-after-ms"];

/** Whether a refusal gives a time for the retry. */
export function asksToComeAgain(headers: Headers): boolean {
  return headers.has("retry-after") || inMilliseconds.some((name) => headers.has(name));
}

/** A wait as text. */
export function showWait(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${Math.ceil(milliseconds / 1000)} s`;
}

/**
 * How long a refused request is to wait, from `now` by this machine's clock: what `Retry-After` says,
 * else the end of the limit that is used up, in any of the forms that APIs send. Points in time are
 * compared with the server's own clock where that differs.
 */
export function waitAsked(headers: Headers, now: number): AskedWait | null {
  const serverNow = clockOf(headers, now);
  for (const header of inMilliseconds) {
    const text = headers.get(header);
    if (text !== undefined && /^\d{1,10}$/.test(text)) return { header, milliseconds: Number(text) };
  }
  const milliseconds = parseRetryAfter(headers.get("retry-after"), serverNow);
  if (milliseconds !== null) return { header: "retry-after", milliseconds };
  return resetOf(headers, serverNow);
}

const throttled =
  /throttl|rate.?limit|too.?many.?(?:requests|calls|visits|queries|connections)|(?:call|request) frequency|(?:calls|requests) per (?:second|minute|hour|day)|slow.?down|request.?limit.?exceeded|quota.?exceeded/i;

/** Whether a text of a source says that there were too many requests. */
export function saysThrottled(text: string): boolean {
  return throttled.test(text);
}

/**
 * Whether a refusal is a limit on requests although its status does not say so, as GitHub's and Google's
 * 403: it says when to come again, or that no request is left, or calls it a limit.
 */
export function isLimit(headers: Headers, text: string): boolean {
  if (headers.has("retry-after") || saysThrottled(text.slice(0, 4096))) return true;
  for (const [name, text] of headers) {
    if (remainingName.test(name) && /^0+(?:\.0+)?$/.test(text.trim())) return true;
  }
  return limitsOf(headers.get("ratelimit")).some(({ remaining }) => remaining === 0);
}

function clockOf(headers: Headers, now: number): number {
  const date = Date.parse(headers.get("date") ?? "");
  return Number.isNaN(date) || Math.abs(date - now) < skewAllowedMs ? now : date;
}

/** The latest end of a limit that is used up, or of which nothing says how much is left. */
function resetOf(headers: Headers, now: number): AskedWait | null {
  let latest: AskedWait | null = null;
  const note = (header: string, milliseconds: number | null): void => {
    if (milliseconds === null || (latest !== null && latest.milliseconds >= milliseconds)) return;
    latest = { header, milliseconds };
  };
  for (const [name, text] of headers) {
    if (!resetName.test(name)) continue;
    const remaining = Number(headers.get(name.replace("reset", "remaining")) ?? "0");
    if (!(remaining > 0)) note(name, parseRetryAfter(text, now));
  }
  for (const { remaining, seconds } of limitsOf(headers.get("ratelimit"))) {
    if ((remaining ?? 0) === 0 && seconds !== null) note("ratelimit", seconds * 1000);
  }
  return latest;
}

interface Limit {
  readonly remaining: number | null;
  readonly seconds: number | null;
}

/** `RateLimit` as the IETF's drafts have it: `limit=100, remaining=0, reset=30`, and later `"default";r=0;t=30`. */
function limitsOf(header: string | undefined): Limit[] {
  if (header === undefined) return [];
  const read = (text: string, name: string): number | null => {
    const [, digits] = new RegExp(`(?:^|[;,\\s])${name}\\s*=\\s*(\\d{1,10})`).exec(text) ?? [];
    return digits === undefined ? null : Number(digits);
  };
  if (/\breset\s*=/.test(header))
    return [{ remaining: read(header, "remaining"), seconds: read(header, "reset") }];
  return header.split(",").map((item) => ({ remaining: read(item, "r"), seconds: read(item, "t") }));
}

/**
 * The wait that a `Retry-After` header, or the end of a limit, asks for, in milliseconds from `now`: its seconds, a
 * length with a unit (`2s`), or the time until its date or its moment, as seconds since 1970 or finer. Null
 * where there is no such header or it cannot be read.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | null {
  if (header === undefined) return null;
  const text = header.trim();
  if (!/^\d{1,19}(?:\.\d+)?$/.test(text)) return lengthOf(text) ?? untilDate(text, now);
  const number = Number(text);
  if (number < leastMoment) return Math.ceil(number * 1000);
  let since = number * 1000;
  while (since > 1e14) since /= 1000;
  return Math.max(0, Math.ceil(since - now));
}

/** Seconds since 1970 as of 2001; no server asks for such a long wait. */
const leastMoment = 1e9;

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `2s`, `500ms`, `6m0s`, `2 seconds`; null for any other text. */
function lengthOf(text: string): number | null {
  if (
    !/^(?:\d{1,9}(?:\.\d+)?\s*(?:ms|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:ours?)?|d(?:ays?)?)\s*)+$/i.test(
      text,
    )
  )
    return null;
  let milliseconds = 0;
  for (const [, amount, unit = ""] of text.toLowerCase().matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/g)) {
    milliseconds += Number(amount) * (units[unit === "ms" ? unit : unit.slice(0, 1)] ?? 0);
  }
  return Math.ceil(milliseconds);
}

/** Dates as RFC 9110 has them, and ISO 8601; one without a zone is in UTC, as all that servers send. */
function untilDate(text: string, now: number): number | null {
  const isHttp = /^[A-Z][a-z]+,? .*\d\d:\d\d:\d\d/.test(text);
  const isIso = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text);
  if (!isHttp && !isIso) return null;
  const hasZone = /(?:GMT|UTC|Z|[+-]\d\d:?\d\d)$/i.test(text);
  const date = Date.parse(hasZone ? text : isIso ? `${text}Z` : `${text} GMT`);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
