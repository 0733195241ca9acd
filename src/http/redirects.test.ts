import { expect, test } from "vitest";
import { redirectTarget } from "./redirects.ts";

const refuse = (why: string): Error => new Error(why);

test.each([
  ["https://a.example/x", "/y", "https://a.example/y"],
  ["https://a.example/x", "https://b.example/y", "https://b.example/y"],
  ["http://a.example/x", "https://a.example/y", "https://a.example/y"],
  ["https://a.example:8443/x", "http://a.example/x/", "https://a.example:8443/x/"],
])("from %s, %s leads to %s", (from, location, target) => {
  expect(redirectTarget(new URL(from), location, "GET", refuse).href).toBe(target);
});

test.each([
  ["GET", "http://b.example/y", "redirected to http://b.example/y: from `https` to plain `http`"],
  ["GET", "http://a.example:8080/y", "from `https` to plain `http`"],
  ["GET", "ftp://a.example/y", "no address over HTTP"],
  ["GET", "https://", "no address over HTTP"],
  ["POST", "/y", "redirected to https://a.example/y, which is not followed for POST"],
] as const)("a %s is not redirected to %s", (method, location, why) => {
  expect(() => redirectTarget(new URL("https://a.example/x"), location, method, refuse)).toThrow(why);
});
