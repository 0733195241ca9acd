import { writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testFolder } from "../../test/support/command.ts";
import type { Fault } from "./faults.ts";
import { writeExchange } from "./recording.ts";
import { type ReplayOptions, replaySource } from "./replay-source.ts";

const pageCount = 6;

/** A recording of pages of two records each, as if it had been written by hand. */
function recording(): string {
  const folder = testFolder();
  for (let page = 1; page <= pageCount; page++) {
    writeExchange(folder, page, {
      format: 1,
      request: { method: "GET", path: "/orders", query: [["page", String(page)]], headers: {}, body: null },
      response: {
        status: 200,
        headers: { "content-type": "application/json" },
        json: { page, data: [{ id: page * 2 - 1 }, { id: page * 2 }] },
      },
    });
  }
  return folder;
}

interface Got {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** One request, over a connection of its own; null where that ended before a whole answer. */
function get(address: string): Promise<Got | null> {
  return new Promise((resolve) => {
    const request = httpRequest(address, { agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text) => {
        body += text;
      });
      response.on("error", () => resolve(null));
      response.on("close", () =>
        resolve(
          response.complete ? { status: response.statusCode ?? 0, headers: response.headers, body } : null,
        ),
      );
    });
    request.on("error", () => resolve(null));
    request.end();
  });
}

/** What a client gets for page 2 where one fault strikes it, after page 1, and then once more. */
async function struck(fault: Fault, options: Partial<ReplayOptions> = {}) {
  await using source = await replaySource({
    folder: recording(),
    faults: [{ ...fault, at: [2] }],
    ...options,
  });
  await get(`${source.origin}/orders?page=1`);
  const first = await get(`${source.origin}/orders?page=2`);
  const second = await get(`${source.origin}/orders?page=2`);
  expect(source.log.map((request) => request.fault)).toEqual([null, fault.kind, null]);
  expect(second).toMatchObject({ status: 200, body: page2 });
  return { got: first, log: source.log[1] };
}

const page2 = '{"page":2,"data":[{"id":3},{"id":4}]}';

test("each fault is what it says", async () => {
  expect((await struck({ kind: "too-many-requests", retryAfterSeconds: 7 })).got).toMatchObject({
    status: 429,
    headers: { "retry-after": "7" },
  });
  expect((await struck({ kind: "too-many-requests" })).got?.headers["retry-after"]).toBeUndefined();
  expect((await struck({ kind: "server-error" })).got?.status).toBe(500);
  expect((await struck({ kind: "server-error", status: 502 })).got?.status).toBe(502);
  expect(await struck({ kind: "cut" })).toMatchObject({ got: null, log: { status: null } });
  expect(await struck({ kind: "truncated" })).toMatchObject({ got: null, log: { status: 200 } });
  expect((await struck({ kind: "invalid" })).got?.body).toBe(page2.slice(0, page2.length >> 1));
  expect((await struck({ kind: "invalid", body: "<html>" })).got?.body).toBe("<html>");
  expect((await struck({ kind: "slow", pieces: 4, pauseMs: 1 })).got?.body).toBe(page2);
  expect((await struck({ kind: "repeated-page" })).got?.body).toContain('"page":1');
  expect((await struck({ kind: "shifted-page", by: 1 })).got?.body).toBe(
    '{"page":2,"data":[{"id":2},{"id":3},{"id":4}]}',
  );
  expect((await struck({ kind: "expired-token" })).got?.status).toBe(401);
  expect((await struck({ kind: "expired-page" })).got?.status).toBe(410);
});

test("a skewed clock shows in the answer's date", async () => {
  const now = Date.UTC(2026, 0, 1);
  const clock = { now: () => now, elapsed: () => 0, sleep: async () => {} };
  const { got } = await struck({ kind: "clock-skew", seconds: -90 }, { clock });
  expect(got).toMatchObject({ body: page2, headers: { date: new Date(now - 90_000).toUTCString() } });
});

/** The faults that a client meets which asks for each page until it has it. */
async function faultsMet(
  seed: number,
  pages: readonly number[],
  faults: readonly Fault[],
): Promise<string[]> {
  await using source = await replaySource({ folder: recording(), faults, seed });
  for (const page of pages) {
    for (;;) {
      const got = await get(`${source.origin}/orders?page=${page}`);
      if (got?.status === 200) break;
    }
  }
  return source.log.map(({ file, fault }) => `${file} ${fault}`);
}

test("the same seed strikes the same requests, in whatever order they come, and another seed others", async () => {
  const faults: Fault[] = [
    { kind: "cut", rate: 0.3 },
    { kind: "server-error", rate: 0.3 },
  ];
  const forward = [1, 2, 3, 4, 5, 6];
  const first = await faultsMet(7, forward, faults);
  expect(first.some((line) => !line.endsWith("null"))).toBe(true);
  expect(await faultsMet(7, forward, faults)).toEqual(first);
  expect((await faultsMet(7, forward.toReversed(), faults)).sort()).toEqual(first.toSorted());
  expect(await faultsMet(8, forward, faults)).not.toEqual(first);
});

test("no request is struck more often in a row than is allowed, and no fault more often than its limit", async () => {
  const always = await faultsMet(1, [1, 2], [{ kind: "cut", rate: 1 }]);
  expect(always.map((line) => line.split(" ")[1])).toEqual(["cut", "cut", "null", "cut", "cut", "null"]);
  const limited = await faultsMet(1, [1, 2], [{ kind: "cut", rate: 1, limit: 1 }]);
  expect(limited.map((line) => line.split(" ")[1])).toEqual(["cut", "null", "null"]);
});

test("a request that was recorded several times is answered by each in turn, then by the last", async () => {
  const folder = testFolder();
  for (const [index, text] of ["first", "second"].entries()) {
    writeExchange(folder, index + 1, {
      format: 1,
      request: { method: "GET", path: "/now", query: [], headers: {}, body: null },
      response: { status: 200, headers: {}, text },
    });
  }
  await using source = await replaySource({ folder, faults: [{ kind: "server-error", at: [1] }] });
  const bodies: unknown[] = [];
  for (let time = 0; time < 4; time++) bodies.push((await get(`${source.origin}/now`))?.body);
  expect(bodies.slice(1)).toEqual(["first", "second", "second"]);
});

test("a lower bound is answered by the nearest recorded one below it, and ignored parameters by any", async () => {
  const folder = testFolder();
  const bounds = [null, "2026-01-01T00:00:09Z", "2026-01-01T00:00:10.5Z"];
  for (const [index, since] of bounds.entries()) {
    const query: [string, string][] =
      since === null
        ? [["until", "1"]]
        : [
            ["since", since],
            ["until", "2"],
          ];
    writeExchange(folder, index + 1, {
      format: 1,
      request: { method: "GET", path: "/orders", query, headers: {}, body: null },
      response: { status: 200, headers: {}, text: String(since) },
    });
  }
  await using source = await replaySource({ folder, bounds: ["since"], ignore: ["until"] });
  const asked = [
    "2026-01-01T00:00:08Z",
    "2026-01-01T00:00:10Z",
    "2026-01-01T00:00:10.500Z",
    "2027-01-01T00:00:00Z",
  ];
  const bodies: unknown[] = [];
  for (const since of asked) bodies.push((await get(`${source.origin}/orders?since=${since}&until=9`))?.body);
  expect(bodies).toEqual(["null", bounds[1], bounds[2], bounds[2]]);
});

test("what was not recorded gets a 404 that says so, is in the log without its secrets, and is struck by nothing", async () => {
  await using source = await replaySource({ folder: recording(), faults: [{ kind: "cut", rate: 1 }] });
  const got = await get(`${source.origin}/orders?page=99&api_key=very-secret-key`);
  expect(got).toMatchObject({
    status: 404,
    body: expect.stringContaining("no answer to GET /orders?page=99"),
  });
  expect(source.log).toMatchObject([{ file: null, fault: null, status: 404 }]);
  expect(`${got?.body}${JSON.stringify(source.log)}`).not.toContain("very-secret-key");
});

test("errors are reported as such: no recording, a file that is none, a fault that is none", async () => {
  const invalid = { code: "ARGUMENT_INVALID" };
  await expect(replaySource({ folder: join(testFolder(), "none") })).rejects.toMatchObject(invalid);
  const folder = recording();
  await expect(replaySource({ folder, faults: [{ kind: "cut", rate: 2 }] })).rejects.toMatchObject(invalid);
  writeFileSync(join(folder, "0009.json"), '{"format":1}');
  await expect(replaySource({ folder })).rejects.toThrow(/0009\.json is no recorded exchange/);
});
