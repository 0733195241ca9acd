import { expect, test } from "vitest";
import { holdsSecret, redact, registerSecret, SecretSlot } from "./secrets.ts";

test("P14: a secret is masked in every form in which it may be printed", () => {
  registerSecret('pa"ss wörd');
  expect(redact('as it is: pa"ss wörd.')).toBe("as it is: [redacted].");
  expect(redact("in an address: ?key=pa%22ss%20w%C3%B6rd&x=1")).toBe("in an address: ?key=[redacted]&x=1");
  expect(redact(JSON.stringify({ key: 'pa"ss wörd' }))).toBe('{"key":"[redacted]"}');
});

test("P14: a secret that holds another is masked whole, whichever was registered first", () => {
  registerSecret("short-secret");
  registerSecret("short-secret-with-a-tail");
  expect(redact("short-secret-with-a-tail and short-secret")).toBe("[redacted] and [redacted]");
});

test("P14: the password of any URL is masked, registered or not", () => {
  expect(redact("cannot reach postgres://user:hunter2@db.example.com/x")).toBe(
    "cannot reach postgres://user:[redacted]@db.example.com/x",
  );
});

test("words too short to be secrets stay", () => {
  registerSecret("abc");
  expect(redact("abc")).toBe("abc");
});

test.each([
  ["body", "http://127.0.0.1/body: the body of somebody has no body"],
  ["entries", "GET https://ledger.example.com/entries?page=1: answered with status 404"],
  ["8080", "connect ECONNREFUSED 127.0.0.1:8080"],
])("a secret that is an ordinary word or number, %s, leaves text readable", (secret, text) => {
  registerSecret(secret);
  expect(redact(text)).toBe(text);
});

test.each([
  ["hushhush", "hushhush", "[redacted]"],
  ["hushhush", '{"client_secret":"hushhush","a":1}', '{"client_secret":"[redacted]","a":1}'],
  ["hushhush", "client_secret=hushhush&client_id=app", "client_secret=[redacted]&client_id=app"],
  ["hushhush", "password: hushhush", "password: [redacted]"],
  ["hushhush", "authorization: Bearer hushhush", "authorization: Bearer [redacted]"],
  ["hushhush", '{"you sent":"hushhush"}', '{"you sent":"[redacted]"}'],
  ["hushhush", "?u=hushhush", "?u=[redacted]"],
])("P14: such a secret, %s, is masked where it stands as a value: %s", (secret, text, masked) => {
  registerSecret(secret);
  expect(redact(text)).toBe(masked);
});

const repeated = 'Tok/en+SECRET="42" ü';
const jwt = [
  "eyJhbGciOiJIUzI1NiJ9",
  "eyJzdWIiOiJhY21lLWxlZGdlciIsImlhdCI6MTUxNjIzOTAyMn0",
  "SflKxwRJSMeKKF2QT4fw",
];

test.each([
  ["as it is", repeated],
  ["percent-encoded", encodeURIComponent(repeated)],
  [
    "percent-encoded with small digits",
    encodeURIComponent(repeated).replace(/%../g, (code) => code.toLowerCase()),
  ],
  ["as a form has it", new URLSearchParams({ a: repeated }).toString()],
  ["percent-encoded twice, as a link inside a link", encodeURIComponent(encodeURIComponent(repeated))],
  ["in JSON", JSON.stringify({ a: repeated })],
  ["in JSON with escaped slashes", JSON.stringify({ a: repeated }).replaceAll("/", "\\/")],
  ["in HTML", repeated.replaceAll('"', "&quot;")],
  ["in base64", Buffer.from(repeated).toString("base64")],
  ["in base64 behind a user's name", Buffer.from(`app:${repeated}`).toString("base64")],
  ["in base64 behind another", Buffer.from(`ap:${repeated} `).toString("base64url")],
])("P14: a secret that a source repeats is masked and found: %s", (_form, text) => {
  registerSecret(repeated);
  expect(redact(`see ${text} there`)).toContain("[redacted]");
  expect(redact(`see ${text} there`)).not.toMatch(/SECRET|U0VDUkVU|NFQ1JFV|TRUNSRV/);
  expect(holdsSecret(`https://api.example.com/?next=${text}`)).toBe(true);
});

test.each([
  ["its first half", repeated.slice(0, 14)],
  [
    "in JSON in base64",
    Buffer.from(JSON.stringify({ page: 3, auth: { t: repeated } })).toString("base64url"),
  ],
  ["in base64 in base64", Buffer.from(Buffer.from(repeated).toString("base64")).toString("base64")],
  ["the claims of a token", `https://api.example.com/?claims=${jwt[1]}`],
  ["a longer secret's tail", `sig=${"0123456789abcdefghij".slice(8)}`],
])("P14: what is to be stored is searched for a secret more deeply: %s", (_form, text) => {
  for (const secret of [repeated, jwt.join("."), "0123456789abcdefghij"]) registerSecret(secret);
  expect(holdsSecret(text)).toBe(true);
});

test.each([
  "https://api.example.com/v1/things?page=3&page_token=CAUQAA",
  `https://api.example.com/?cursor=${jwt[0]}.${Buffer.from('{"after":7}').toString("base64url")}.AAAAAAAAAAAAAAAA`,
  Buffer.from(JSON.stringify({ after: "2026-01-01T00:00:00Z", id: 4711 })).toString("base64"),
  "https://api.example.com/created?sort=created&page=4711",
])("a place that holds none is found to hold none: %s", (text) => {
  for (const secret of [repeated, jwt.join("."), "created", "4711"]) registerSecret(secret);
  expect(holdsSecret(text)).toBe(false);
  expect(redact(text)).toBe(
    redact(text.replace("=created", "=[redacted]").replace("page=4711", "page=[redacted]")),
  );
});

test("P14: an ordinary word counts where its name says that it is a secret", () => {
  registerSecret("created");
  expect(holdsSecret("https://api.example.com/?api_key=created")).toBe(true);
});

test.each([
  ["postgres://user:hunter@2@db.example.com/x", "postgres://user:[redacted]@db.example.com/x"],
  ["http://127.0.0.1:8080/users/@me and b@c", "http://127.0.0.1:8080/users/@me and b@c"],
])("a password with an @ is masked whole, and a port is no password: %s", (text, masked) => {
  expect(redact(text)).toBe(masked);
});

test("P14: access tokens take each other's place, and are masked while they may still be repeated", () => {
  const slot = new SecretSlot();
  const token = (number: number): string => `access-token-number-${number}-${"x".repeat(20)}`;
  for (let number = 0; number < 500; number++) slot.hold(token(number));
  const isMasked = (number: number): boolean => redact(token(number)) === "[redacted]";
  expect([0, 400, 490, 499].map(isMasked)).toEqual([false, false, true, true]);
  slot.release();
  expect(isMasked(499)).toBe(true);
});
