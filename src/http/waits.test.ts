import { describe, expect, test } from "vitest";
import { isLimit, parseRetryAfter, waitAsked } from "./waits.ts";

const now = Date.UTC(2026, 0, 1, 12, 0, 0);
const in2 = now / 1000 + 2;

describe("parseRetryAfter", () => {
  test.each([
    ["120", 120_000],
    [" 0 ", 0],
    ["1.5", 1500],
    ["2s", 2000],
    ["2 seconds", 2000],
    ["500ms", 500],
    ["1m30s", 90_000],
    ["Thu, 01 Jan 2026 12:01:30 GMT", 90_000],
    ["Thu, 01 Jan 2026 12:01:30 +0000", 90_000],
    ["Thursday, 01-Jan-26 12:00:10 GMT", 10_000],
    ["Thu Jan  1 12:00:10 2026", 10_000],
    ["Thu, 01 Jan 2026 11:00:00 GMT", 0],
    ["2026-01-01T12:00:02Z", 2000],
    ["2026-01-01T13:00:02+01:00", 2000],
    ["2026-01-01T12:00:02.5", 2500],
    ["soon", null],
    ["-5", null],
    ["", null],
    ["2026", 2_026_000],
    ["999999999", 999_999_999_000],
    [`${in2}`, 2000],
    [`${in2 * 1000}`, 2000],
    [`${in2}.25`, 2250],
    [`${in2 - 60}`, 0],
    [undefined, null],
  ])("%j", (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });
});

describe("the wait that an answer asks for", () => {
  test.each<[string, Record<string, string>, number | null]>([
    ["seconds", { "retry-after": "2" }, 2000],
    ["milliseconds", { "retry-after-ms": "2500", "retry-after": "3" }, 2500],
    [
      "GitHub's reset, in seconds since 1970",
      { "x-ratelimit-remaining": "0", "x-ratelimit-reset": `${in2}` },
      2000,
    ],
    ["a reset in milliseconds since 1970", { "x-ratelimit-reset": `${in2 * 1000}` }, 2000],
    ["a reset in microseconds since 1970", { "x-ratelimit-reset": `${in2 * 1_000_000}` }, 2000],
    ["a reset in seconds from now", { "ratelimit-remaining": "0", "ratelimit-reset": "2" }, 2000],
    ["a reset with a fraction", { "x-ratelimit-reset-after": "1.25" }, 1250],
    ["a reset as a length", { "x-ratelimit-reset-requests": "1m2s" }, 62_000],
    ["a reset as a date", { "x-rate-limit-reset": "2026-01-01T12:00:02Z" }, 2000],
    ["a reset that is over", { "x-ratelimit-reset": `${in2 - 10}` }, 0],
    [
      "the limit that is used up, of two",
      {
        "x-ratelimit-remaining-requests": "57",
        "x-ratelimit-reset-requests": "1h",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "2s",
      },
      2000,
    ],
    [
      "no reset while requests are left",
      { "x-ratelimit-remaining": "57", "x-ratelimit-reset": `${in2}` },
      null,
    ],
    ["Retry-After before a reset", { "retry-after": "1", "x-ratelimit-reset": `${in2}` }, 1000],
    ["RateLimit of the older drafts", { ratelimit: "limit=100, remaining=0, reset=2" }, 2000],
    ["RateLimit of the newer drafts", { ratelimit: '"default";r=0;t=2' }, 2000],
    ["the policy that is used up, of two", { ratelimit: '"hour";r=9;t=900, "burst";r=0;t=2' }, 2000],
    ["RateLimit with requests left", { ratelimit: '"default";r=3;t=2' }, null],
    ["nothing", { "x-ratelimit-limit": "60" }, null],
  ])("%s", (_name, headers, expected) => {
    expect(waitAsked(new Map(Object.entries(headers)), now)?.milliseconds ?? null).toBe(expected);
  });

  test("points in time are by the server's clock where this machine's is off", () => {
    const headers = new Map([
      ["date", "Thu, 01 Jan 2026 13:00:00 GMT"],
      ["x-ratelimit-reset", String(in2 + 3600)],
    ]);
    expect(waitAsked(headers, now)?.milliseconds).toBe(2000);
  });
});

test("a 403 is a limit where it says when to come again, that nothing is left, or so in words", () => {
  const limit = (headers: Record<string, string>, text = ""): boolean =>
    isLimit(new Map(Object.entries(headers)), text);
  expect(limit({ "retry-after": "2" })).toBe(true);
  expect(limit({ "x-ratelimit-remaining": "0" })).toBe(true);
  expect(limit({ "ratelimit-remaining": "0" })).toBe(true);
  expect(limit({ ratelimit: '"default";r=0;t=2' })).toBe(true);
  expect(limit({ "x-ratelimit-remaining": "12", "x-ratelimit-reset": "2" })).toBe(false);
  expect(limit({ ratelimit: "limit=100, remaining=1, reset=2" })).toBe(false);
  expect(limit({})).toBe(false);
  expect(limit({}, '{"error":{"errors":[{"reason":"userRateLimitExceeded"}]}}')).toBe(true);
  expect(limit({}, '[{"errorCode":"REQUEST_LIMIT_EXCEEDED"}]')).toBe(true);
  expect(limit({}, "You have exceeded a secondary rate limit.")).toBe(true);
  expect(limit({}, "the account has no right to read this")).toBe(false);
});
