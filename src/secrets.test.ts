import { expect, test } from "vitest";
import { redact, registerSecret } from "./secrets.ts";

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
