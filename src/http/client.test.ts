import zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { freePort } from "../../test/support/free-port.ts";
import { openTestClient } from "../../test/support/http-client.ts";
import { type HttpHandler, sendJson, startHttpServer, unknownHost } from "../../test/support/http-server.ts";
import { startRawHttpServer } from "../../test/support/raw-http-server.ts";
import type { HttpClient } from "./client.ts";
import type { HttpRequest } from "./message.ts";

const signal = new AbortController().signal;

function get(client: HttpClient, address: string, more: Partial<HttpRequest> = {}) {
  return client.request({ method: "GET", url: new URL(address), signal, ...more });
}

/** Answers with each of these in turn, then with the last again and again. */
function inTurn(...handlers: HttpHandler[]): HttpHandler {
  let next = 0;
  return (request, response) => handlers[Math.min(next++, handlers.length - 1)]?.(request, response);
}

const withStatus =
  (status: number, headers: Record<string, string> = {}, body = ""): HttpHandler =>
  (_request, response) => {
    response.writeHead(status, headers).end(body);
  };
const answering: HttpHandler = (_request, response) => sendJson(response, "[1]");

describe("retries", () => {
  test("a status to retry on is tried again, after the time that Retry-After says", async () => {
    await using server = await startHttpServer(
      inTurn(
        withStatus(503),
        withStatus(429, { "retry-after": "7" }),
        withStatus(429, {
          "retry-after": "Thu, 01 Jan 2026 00:00:09 GMT",
          date: "Thu, 01 Jan 2026 00:00:07 GMT",
        }),
        answering,
      ),
    );
    const { client, clock } = await openTestClient(server.origin, { retry: { initialDelayMs: 0 } });
    expect((await get(client, server.origin)).text).toBe("[1]");
    expect(clock.sleeps).toEqual([0, 7000, 2000]);
    await client.close();
  });

  test("a source that asks for a longer wait than the settings grant is not asked again before", async () => {
    let requests = 0;
    await using server = await startHttpServer((request, response) => {
      requests += 1;
      withStatus(429, { "retry-after": "3600" })(request, response);
    });
    const { client, clock } = await openTestClient(server.origin, {});
    await expect(get(client, server.origin)).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      recoverable: true,
      details: { attempts: 1, status: 429, retry_after_ms: 3_600_000 },
    });
    expect([requests, clock.sleeps]).toEqual([1, []]);
    await client.close();
  });

  test("a 403 that is a rate limit is waited for, and is no matter of rights", async () => {
    const limit = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "40" };
    await using server = await startHttpServer(inTurn(withStatus(403, limit), answering));
    const { client, clock } = await openTestClient(server.origin, {});
    expect((await get(client, server.origin)).text).toBe("[1]");
    expect(clock.sleeps).toEqual([40_000]);
    await client.close();
  });

  test("a rate limit that outlasts the settings says how long it lasts, and what to do", async () => {
    const limit = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "2400" };
    await using server = await startHttpServer(withStatus(403, limit, "API rate limit exceeded"));
    await using client = (await openTestClient(server.origin, { retry: { attempts: 2 } })).client;
    await expect(get(client, server.origin)).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      recoverable: true,
      message: expect.stringContaining(
        'status 403 for a rate limit: "API rate limit exceeded"; it asked to wait 2400 s',
      ),
      hint: expect.stringMatching(/asked to wait 2400 s, and `retry.maxRetryAfterMs` grants 300 s/),
      details: { attempts: 1, status: 403, retry_after_ms: 2_400_000 },
    });
  });

  test("after the last attempt it is SOURCE_UNAVAILABLE and says status, attempts and the answer", async () => {
    await using server = await startHttpServer(withStatus(503, {}, "down for\n maintenance"));
    await using client = (await openTestClient(server.origin, { retry: { attempts: 3 } }, { stream: "a/b" }))
      .client;
    await expect(get(client, `${server.origin}/x?page=2`)).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      recoverable: true,
      stream: "a/b",
      message: `GET ${server.origin}/x?page=2: still refused after 3 attempts; the last: status 503: "down for maintenance"`,
      details: { attempts: 3, status: 503 },
    });
    expect(server.seen).toHaveLength(3);
  });

  test("a server that cannot be reached is SOURCE_UNAVAILABLE with its cause", async () => {
    const origin = `http://127.0.0.1:${await freePort()}`;
    await using client = (await openTestClient(origin, { retry: { attempts: 2 } })).client;
    await expect(get(client, origin)).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      message: expect.stringMatching(/no answer after 2 attempts; the last: .*ECONNREFUSED/),
    });
  });

  test.each([400, 401, 403, 404, 422])(
    "%i is SOURCE_REFUSED at once, with the answer's beginning",
    async (status) => {
      await using server = await startHttpServer(withStatus(status, {}, `no such thing ${"x".repeat(500)}`));
      await using client = (await openTestClient(server.origin, {})).client;
      await expect(get(client, server.origin)).rejects.toMatchObject({
        code: "SOURCE_REFUSED",
        message: expect.stringMatching(/status \d+: "no such thing x{100,190}…"$/),
        details: { status },
        ...(status === 401 || status === 403 ? { hint: expect.stringContaining("credentials") } : {}),
      });
      expect(server.seen).toHaveLength(1);
    },
  );

  test.each([400, 409, 420, 423, 430, 509, 520, 529, 598])(
    "%i is asked again where it says when to come again",
    async (status) => {
      await using server = await startHttpServer(
        inTurn(withStatus(status, { "retry-after": "2" }), answering),
      );
      const { client, clock } = await openTestClient(server.origin, {});
      await using _client = client;
      await get(client, server.origin);
      expect([server.seen.length, clock.sleeps]).toEqual([2, [2000]]);
    },
  );

  test("401 is not, whatever it says: the same credentials would be refused again", async () => {
    await using server = await startHttpServer(withStatus(401, { "retry-after": "2" }));
    await using client = (await openTestClient(server.origin, {})).client;
    await expect(get(client, server.origin)).rejects.toMatchObject({ code: "SOURCE_REFUSED" });
    expect(server.seen).toHaveLength(1);
  });

  test("a 5xx that is not retried on is SOURCE_UNAVAILABLE at once", async () => {
    await using server = await startHttpServer(withStatus(501));
    await using client = (await openTestClient(server.origin, {})).client;
    await expect(get(client, server.origin)).rejects.toMatchObject({ code: "SOURCE_UNAVAILABLE" });
    expect(server.seen).toHaveLength(1);
  });

  test("the codes are those of whoever opens the client", async () => {
    await using server = await startHttpServer(withStatus(503));
    const codes = {
      unavailable: "OUTPUT_UNAVAILABLE",
      refused: "OUTPUT_FAILED",
      invalid: "OUTPUT_FAILED",
      truncated: "OUTPUT_UNAVAILABLE",
    } as const;
    await using client = (await openTestClient(server.origin, { retry: { attempts: 1 } }, { codes })).client;
    await expect(get(client, server.origin)).rejects.toMatchObject({ code: "OUTPUT_UNAVAILABLE" });
  });
});

describe("P15: a cut answer is never taken for a whole one", () => {
  const cuts: [string, HttpHandler][] = [
    [
      "a body shorter than its content-length",
      (_request, response) => {
        response.writeHead(200, { "content-length": "100" });
        response.write("[1,2", () => response.destroy());
      },
    ],
    [
      "a chunked body without its end",
      (_request, response) => {
        response.write("[1,2", () => response.destroy());
      },
    ],
    [
      "gzip without its end",
      (_request, response) => {
        const whole = zlib.gzipSync("[1,2,3,4,5,6,7,8,9]");
        response.writeHead(200, { "content-encoding": "gzip" }).end(whole.subarray(0, whole.length - 12));
      },
    ],
    [
      "brotli without its end",
      (_request, response) => {
        const whole = zlib.brotliCompressSync("[1,2,3,4,5,6,7,8,9]");
        response.writeHead(200, { "content-encoding": "br" }).end(whole.subarray(0, whole.length - 4));
      },
    ],
    ["gzip that is none", withStatus(200, { "content-encoding": "gzip" }, "[1,2,3]")],
  ];
  test.each(cuts)("%s is tried again", async (_name, cut) => {
    await using server = await startHttpServer(inTurn(cut, cut, answering));
    await using client = (await openTestClient(server.origin, {})).client;
    expect((await get(client, server.origin)).text).toBe("[1]");
    expect(server.seen).toHaveLength(3);
  });

  test.each(cuts)("%s is SOURCE_TRUNCATED where it stays so", async (_name, cut) => {
    await using server = await startHttpServer(cut);
    await using client = (await openTestClient(server.origin, { retry: { attempts: 2 } })).client;
    await expect(get(client, server.origin)).rejects.toMatchObject({
      code: "SOURCE_TRUNCATED",
      recoverable: true,
    });
  });
});

describe("what no later attempt mends", () => {
  test("a host that nobody has is not recoverable, and is not asked for again", async () => {
    const origin = `http://${unknownHost}`;
    const { client, clock } = await openTestClient(origin, {});
    await expect(get(client, origin)).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      recoverable: false,
      message: expect.stringMatching(/\.invalid\/: no answer: .*ENOTFOUND/),
      hint: expect.stringContaining("check the name"),
    });
    expect(clock.sleeps).toEqual([]);
    await client.close();
  });

  test("https at a port that speaks plain HTTP is not recoverable", async () => {
    await using server = await startHttpServer(answering);
    const origin = server.origin.replace("http:", "https:");
    const { client, clock } = await openTestClient(origin, {});
    await expect(get(client, origin)).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      recoverable: false,
      message: expect.stringMatching(/no answer: TLS failed: [a-z ]+$/),
      hint: expect.stringContaining("TLS"),
    });
    expect(clock.sleeps).toEqual([]);
    await client.close();
  });

  test.each([
    ["a malformed header", "HTTP/1.1 200 OK\r\nX Bad Name: 1\r\nContent-Length: 3\r\n\r\n[1]"],
    ["a greeting that is not HTTP", "220 mail.example.com ESMTP ready\r\n"],
    [
      "two lengths that contradict one another",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1]\r\n0\r\n\r\n",
    ],
  ])("%s is SOURCE_INVALID and not recoverable", async (_name, bytes) => {
    await using server = await startRawHttpServer((socket) => socket.end(bytes));
    await using client = (await openTestClient(server.origin, { retry: { attempts: 2 } })).client;
    await expect(get(client, server.origin)).rejects.toMatchObject({
      code: "SOURCE_INVALID",
      recoverable: false,
      message: expect.stringContaining("no answer by the rules of HTTP after 2 attempts"),
    });
  });
});

describe("time-outs and cancelling", () => {
  test("an answer that drips is given up once its whole time is over", async () => {
    await using server = await startHttpServer((_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const drip = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(drip));
    });
    const settings = { timeoutMs: 10_000, totalTimeoutMs: 200, retry: { attempts: 2 } };
    await using client = (await openTestClient(server.origin, settings)).client;
    await expect(get(client, server.origin)).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      recoverable: true,
      message: expect.stringContaining(
        "after 2 attempts; the last: the answer had not ended after 0.2 s (`totalTimeoutMs`)",
      ),
    });
  });

  test.each<[string, HttpHandler]>([
    ["no answer begins", () => {}],
    ["an answer stops in the middle", (_request, response) => void response.write("[1,")],
  ])("%s: SOURCE_UNAVAILABLE", async (_name, handler) => {
    await using server = await startHttpServer(handler);
    // Without a total of its own a request would end after ten times as much, whichever comes first.
    const settings = { timeoutMs: 100, totalTimeoutMs: 600_000, retry: { attempts: 2 } };
    await using client = (await openTestClient(server.origin, settings)).client;
    await expect(get(client, server.origin)).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      message: expect.stringMatching(
        /no answer in time after 2 attempts; the last: .*(Headers|Body) Timeout/,
      ),
    });
    expect(server.seen).toHaveLength(2);
  });

  test("an aborted signal ends a request at once, with its reason and without another attempt", async () => {
    const abort = new AbortController();
    await using server = await startHttpServer(() => abort.abort(new Error("enough")));
    await using client = (await openTestClient(server.origin, {})).client;
    await expect(get(client, server.origin, { signal: abort.signal })).rejects.toThrow("enough");
    await expect(get(client, server.origin, { signal: abort.signal })).rejects.toThrow("enough");
    expect(server.seen).toHaveLength(1);
  });

  test("an aborted signal ends a request whose answer has begun", async () => {
    const abort = new AbortController();
    await using server = await startHttpServer((_request, response) => {
      response.write("[1,", () => setImmediate(() => abort.abort(new Error("enough"))));
    });
    await using client = (await openTestClient(server.origin, {})).client;
    await expect(get(client, server.origin, { signal: abort.signal })).rejects.toThrow("enough");
    expect(server.seen).toHaveLength(1);
  });
});

test("requests keep to the rate limit, also those that are made again", async () => {
  await using server = await startHttpServer(inTurn(withStatus(503), answering));
  const { client, clock } = await openTestClient(server.origin, { rateLimit: { requestsPerSecond: 4 } });
  await get(client, server.origin);
  await get(client, server.origin);
  expect(clock.sleeps.filter((sleep) => sleep > 0)).toEqual([250, 250]);
  await client.close();
});

test("connections are kept between requests", async () => {
  const ports = new Set<number | undefined>();
  await using server = await startHttpServer((_request, response) => {
    ports.add(response.socket?.remotePort);
    sendJson(response, "[1]");
  });
  await using client = (await openTestClient(server.origin, {})).client;
  for (let i = 0; i < 10; i++) await get(client, server.origin);
  expect(ports.size).toBeLessThan(4);
});

test("a header that cannot be sent is ARGUMENT_INVALID, and is not shown", async () => {
  await using server = await startHttpServer(answering);
  await using client = (await openTestClient(server.origin, { headers: { "x-api-key": "hunter22\n" } }))
    .client;
  const failed = await get(client, server.origin).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: "ARGUMENT_INVALID", hint: expect.stringContaining("line breaks") });
  expect(String(failed)).not.toContain("hunter22");
});
