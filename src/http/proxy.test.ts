import { describe, expect, test } from "vitest";
import { redact } from "../secrets.ts";
import { type Environment, proxyFor } from "./proxy.ts";

const proxy = "http://proxy.example:3128";

function shownFor(target: string, environment: Environment): string | null {
  return proxyFor(new URL(target), environment)?.shown ?? null;
}

describe("which proxy a request goes through", () => {
  test.each<[string, Environment, string | null]>([
    ["http://a.example", { HTTP_PROXY: proxy }, proxy],
    ["https://a.example", { HTTP_PROXY: proxy }, null],
    ["https://a.example", { HTTPS_PROXY: proxy }, proxy],
    ["http://a.example", { HTTPS_PROXY: proxy }, null],
    ["http://a.example", { http_proxy: "http://lower:1", HTTP_PROXY: proxy }, "http://lower:1"],
    ["http://a.example", { http_proxy: "", HTTP_PROXY: proxy }, proxy],
    ["http://a.example", { HTTP_PROXY: "proxy.example:3128" }, proxy],
    ["https://a.example", { HTTPS_PROXY: "https://proxy.example:3129/" }, "https://proxy.example:3129"],
    ["http://127.0.0.1:8080", { HTTP_PROXY: proxy }, proxy],
    ["http://localhost", { HTTP_PROXY: proxy }, proxy],
    ["http://a.example", { HTTP_PROXY: proxy, REQUEST_METHOD: "GET" }, null],
    ["http://a.example", { http_proxy: proxy, REQUEST_METHOD: "GET" }, proxy],
    ["http://a.example", {}, null],
  ])("%s with %j: %s", (target, environment, expected) => {
    expect(shownFor(target, environment)).toBe(expected);
  });

  test.each([
    ["http://a.example", "*"],
    ["http://a.example", "b.example, a.example"],
    ["http://a.example", "b.example a.example"],
    ["http://A.Example.", "a.example"],
    ["http://x.a.example", "a.example"],
    ["http://x.a.example", ".a.example"],
    ["http://a.example", ".a.example"],
    ["http://x.a.example", "*.a.example"],
    ["http://a.example", "a.example:80"],
    ["http://a.example:8080", "a.example:8080"],
    ["http://localhost:1", "localhost"],
    ["http://127.0.0.1:1", "127.0.0.1"],
    ["http://127.0.0.1:1", "127.0.0.0/8"],
    ["http://10.1.2.3", "192.168.0.0/16,10.0.0.0/8"],
    ["http://[::1]:1", "::1"],
    ["http://[::1]:1", "[::1]:1"],
    ["http://[fd00::7]", "fd00::/8"],
  ])("%s is asked directly by NO_PROXY=%s", (target, noProxy) => {
    expect(shownFor(target, { HTTP_PROXY: proxy, NO_PROXY: noProxy })).toBeNull();
    expect(shownFor(target, { HTTP_PROXY: proxy, no_proxy: noProxy })).toBeNull();
  });

  test.each([
    ["http://a.example", ""],
    ["http://a.example", "example.com"],
    ["http://notexample.com", "example.com"],
    ["http://a.example", "*.a.example"],
    ["http://a.example", "a.example:8080"],
    ["http://127.0.0.1", "localhost"],
    ["http://127.0.0.1", "128.0.0.0/8"],
    ["http://127.0.0.1", "127.0.0.1/64"],
    ["http://[::1]:1", "[::1]:2"],
    ["http://[::1]:1", "::2"],
  ])("%s goes through the proxy all the same with NO_PROXY=%s", (target, noProxy) => {
    expect(shownFor(target, { HTTP_PROXY: proxy, NO_PROXY: noProxy })).toBe(proxy);
  });

  test.each(["socks5://proxy.example:1080", "http://", "::"])(
    "a variable that says %s is an error",
    (text) => {
      expect(() => proxyFor(new URL("http://a.example"), { HTTP_PROXY: text })).toThrow(
        expect.objectContaining({
          code: "ARGUMENT_INVALID",
          message: "the variable HTTP_PROXY does not name an HTTP proxy",
        }),
      );
    },
  );

  test("P14: the password in the variable is a secret, in all its forms", () => {
    const found = proxyFor(new URL("http://a.example"), {
      HTTP_PROXY: "http://me:pr%40xy-secret@proxy.example:3128",
    });
    expect(found?.shown).toBe(proxy);
    const basic = Buffer.from("me:pr@xy-secret").toString("base64");
    for (const form of ["pr%40xy-secret", "pr@xy-secret", basic])
      expect(redact(`x ${form} y`)).toBe("x [redacted] y");
  });
});
