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
