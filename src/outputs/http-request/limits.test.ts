import { expect, test } from "vitest";
import { ids, idsIn, range, startAnswering, writeOnce } from "../../../test/support/http-request.ts";

test("a limited target without Retry-After is waited for, longer each time, beyond retry.attempts", async () => {
  const server = await startAnswering((_, count) => (count <= 8 ? 429 : 200));
  const { written, error, sleeps, warnings } = await writeOnce({ endpoint: server.origin }, ids(1));
  expect({ written, error, warnings }).toEqual({ written: 1, error: null, warnings: [] });
  expect(sleeps).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
});

test("a 503 that says for how long counts as a limit, and so does a 403 that says so; 500 and a bare 503 do not", async () => {
  for (const [status, headers] of [
    [503, { "retry-after": "2" }],
    [403, { "x-ratelimit-remaining": "0" }],
  ] as const) {
    const server = await startAnswering((_, count, response) => {
      for (const [name, text] of Object.entries(headers)) response.setHeader(name, text);
      return count <= 8 ? status : 200;
    });
    expect(await writeOnce({ endpoint: server.origin }, ids(1))).toMatchObject({ written: 1 });
  }
  for (const status of [500, 503]) {
    const down = await startAnswering(() => status);
    expect(await writeOnce({ endpoint: down.origin }, ids(1))).toMatchObject({ written: null });
    expect(down.seen).toHaveLength(5);
  }
});

test.each([
  ["retry-after", "17", 17_000],
  ["retry-after", "Thu, 01 Jan 2026 00:00:17 GMT", 17_000],
  ["retry-after-ms", "1700", 1700],
  ["x-ratelimit-reset", "17", 17_000],
  ["x-ratelimit-reset", String(Date.UTC(2026, 0, 1) / 1000 + 17), 17_000],
  ["ratelimit", '"default";r=0;t=17', 17_000],
  ["ratelimit", "limit=5, remaining=0, reset=17", 17_000],
])("%s: %s is waited for each time it is asked for", async (header, text, milliseconds) => {
  const server = await startAnswering((_, count, response) => {
    if (count > 1) return 200;
    response.setHeader(header, text);
    return 429;
  });
  const { written, sleeps } = await writeOnce({ endpoint: server.origin }, ids(1));
  expect({ written, sleeps }).toEqual({ written: 1, sleeps: [milliseconds] });
});

test("a run waits no longer than limitWaitMs in all, and says what would help", async () => {
  const server = await startAnswering(() => 429);
  const { error, sleeps } = await writeOnce({ endpoint: server.origin, limitWaitMs: 5000 }, ids(1));
  expect(error).toMatchObject({
    code: "OUTPUT_UNAVAILABLE",
    recoverable: true,
    message: expect.stringContaining("after 5 attempts and waits of 4 s in this run; the last: status 429"),
    hint: expect.stringMatching(/`rateLimit`.*`batch`.*`limitWaitMs`/),
    details: { status: 429 },
  });
  expect(sleeps).toEqual([250, 500, 1000, 2000]);
});

test("limitWaitMs 0 waits within retry alone, and says what would help", async () => {
  const server = await startAnswering(() => 429);
  const keys = { endpoint: server.origin, limitWaitMs: 0, retry: { attempts: 2 } };
  expect(await writeOnce(keys, ids(1))).toMatchObject({
    error: { code: "OUTPUT_UNAVAILABLE", hint: expect.stringContaining("declare a lower `rateLimit`") },
  });
  expect(server.seen).toHaveLength(2);
});

test("the total is the run's, over all of its requests", async () => {
  const server = await startAnswering((_, count) => (count % 2 === 1 ? 429 : 200));
  const { error } = await writeOnce({ endpoint: server.origin, limitWaitMs: 1000 }, range(9));
  expect(error).toMatchObject({ code: "OUTPUT_UNAVAILABLE" });
  expect(server.seen.filter((_, at) => at % 2 === 1).flatMap(idsIn)).toEqual([1, 2, 3, 4]);
});

test("requests that are made at once wait together, and their time counts once", async () => {
  const server = await startAnswering((request) =>
    server.seen.filter((seen) => seen.body === request.body).length === 1 ? 429 : 200,
  );
  const keys = { endpoint: server.origin, concurrency: 4, key: "id", limitWaitMs: 1500 };
  expect(await writeOnce(keys, range(4))).toMatchObject({ written: 4, error: null });
});

test("a wait that is longer than what is left ends the run at once", async () => {
  const server = await startAnswering((_, __, response) => {
    response.setHeader("retry-after", "3600");
    return 429;
  });
  const { error, sleeps } = await writeOnce({ endpoint: server.origin }, ids(1));
  expect(sleeps).toEqual([]);
  expect(error).toMatchObject({
    code: "OUTPUT_UNAVAILABLE",
    recoverable: true,
    hint: expect.stringContaining("The server asked to wait 3600 s"),
  });
});
