import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { openTestClient } from "../../test/support/http-client.ts";
import { sendJson, startHttpServer } from "../../test/support/http-server.ts";
import type { HttpClient } from "./client.ts";
import type { Authentication } from "./schema.ts";

const signal = new AbortController().signal;

function get(client: HttpClient, address: string) {
  return client.request({ method: "GET", url: new URL(address), signal });
}

describe("fixed credentials", () => {
  test.each<[string, Authentication, string, string]>([
    [
      "apiKey in a header",
      { type: "apiKey", in: "header", name: "X-Api-Key", value: "k-12345" },
      "x-api-key",
      "k-12345",
    ],
    ["bearer", { type: "bearer", token: "t-12345" }, "authorization", "Bearer t-12345"],
    [
      "basic",
      { type: "basic", username: "zoë", password: "a:b" },
      "authorization",
      `Basic ${Buffer.from("zoë:a:b").toString("base64")}`,
    ],
  ])("%s", async (_name, authentication, header, expected) => {
    await using server = await startHttpServer((_request, response) => sendJson(response, "[]"));
    await using client = (await openTestClient(server.origin, { authentication })).client;
    await get(client, server.origin);
    expect(server.seen[0]?.headers[header]).toBe(expected);
  });

  test("apiKey in the query is added to whatever the address has, and not handed back with it", async () => {
    await using server = await startHttpServer((_request, response) => sendJson(response, "[]"));
    const authentication = { type: "apiKey", in: "query", name: "api_key", value: "k 1+2/3" } as const;
    await using client = (await openTestClient(server.origin, { authentication })).client;
    const { url } = await get(client, `${server.origin}/x?$filter=a%20eq%20'b'&api_key=old`);
    expect(server.seen[0]?.url.search).toBe("?$filter=a%20eq%20%27b%27&api_key=k%201%2B2%2F3");
    expect(server.seen[0]?.url.searchParams.get("api_key")).toBe("k 1+2/3");
    expect(url.href).toBe(`${server.origin}/x?$filter=a%20eq%20%27b%27`);
  });
});

interface TokenServerOptions {
  /** How long tokens live, in seconds; absent where the server does not say. */
  readonly expiresIn?: number;
  /** Tokens that the resource refuses though they have not expired. */
  readonly revoked?: ReadonlySet<string>;
}

/** Hands out token-1, token-2 … at /token, and takes any of them that is not revoked elsewhere. */
function startTokenServer({ expiresIn, revoked = new Set() }: TokenServerOptions) {
  let given = 0;
  return startHttpServer((request, response) => {
    if (request.url.pathname === "/token") {
      sendJson(response, { access_token: `token-${++given}`, token_type: "bearer", expires_in: expiresIn });
      return;
    }
    const token = request.headers.authorization?.slice("Bearer ".length) ?? "";
    response.statusCode = token === "" || revoked.has(token) ? 401 : 200;
    response.end("[]");
  });
}

const clientOf = (
  origin: string,
  more: Partial<Extract<Authentication, { type: "oauth2ClientCredentials" }>> = {},
) => ({
  retry: { initialDelayMs: 0 },
  authentication: {
    type: "oauth2ClientCredentials",
    tokenUrl: `${origin}/token`,
    clientId: "my client",
    clientSecret: "s:e&cret",
    ...more,
  } as const,
});

describe("oauth2ClientCredentials", () => {
  test("asks with a form, and with the client's credentials in it", async () => {
    await using server = await startTokenServer({});
    const settings = clientOf(server.origin, { scope: "read write", audience: "https://api" });
    await using client = (await openTestClient(server.origin, settings)).client;
    await get(client, `${server.origin}/data`);
    const [asked, made] = server.seen;
    expect(asked).toMatchObject({
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expect(asked?.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(new URLSearchParams(asked?.body))).toEqual({
      grant_type: "client_credentials",
      scope: "read write",
      audience: "https://api",
      client_id: "my client",
      client_secret: "s:e&cret",
    });
    expect(made?.headers.authorization).toBe("Bearer token-1");
  });

  test("asks with a Basic header, encoded as RFC 6749 has it", async () => {
    await using server = await startTokenServer({});
    await using client = (await openTestClient(server.origin, clientOf(server.origin, { style: "basic" })))
      .client;
    await get(client, `${server.origin}/data`);
    const expected = Buffer.from("my%20client:s%3Ae%26cret").toString("base64");
    expect(server.seen[0]?.headers.authorization).toBe(`Basic ${expected}`);
    expect(server.seen[0]?.body).toBe("grant_type=client_credentials");
  });

  test("keeps a token until shortly before it expires", async () => {
    await using server = await startTokenServer({ expiresIn: 3600 });
    const { client, clock } = await openTestClient(server.origin, clientOf(server.origin));
    const tokens = () => server.seen.filter(({ url }) => url.pathname === "/token").length;
    await get(client, `${server.origin}/data`);
    clock.advance(3_539_000);
    await get(client, `${server.origin}/data`);
    expect(tokens()).toBe(1);
    clock.advance(2000);
    await get(client, `${server.origin}/data`);
    expect(tokens()).toBe(2);
    await client.close();
  });

  test("a token of a short life is used for most of it", async () => {
    await using server = await startTokenServer({ expiresIn: 30 });
    const { client, clock } = await openTestClient(server.origin, clientOf(server.origin));
    await get(client, `${server.origin}/data`);
    clock.advance(26_000);
    await get(client, `${server.origin}/data`);
    expect(server.seen.filter(({ url }) => url.pathname === "/token")).toHaveLength(1);
    await client.close();
  });

  test("requests made at once share one token request", async () => {
    await using server = await startTokenServer({});
    await using client = (await openTestClient(server.origin, clientOf(server.origin))).client;
    await Promise.all(Array.from({ length: 8 }, () => get(client, `${server.origin}/data`)));
    expect(server.seen.filter(({ url }) => url.pathname === "/token")).toHaveLength(1);
  });

  test("a request that is aborted while it asks for the token fails no other that waits for it", async () => {
    const asked: (() => void)[] = [];
    const isAsked = Promise.withResolvers<void>();
    await using server = await startHttpServer(({ url }, response) => {
      if (url.pathname !== "/token") return sendJson(response, "[]");
      asked.push(() => sendJson(response, { access_token: "token-of-the-second", token_type: "bearer" }));
      if (asked.length === 1) isAsked.resolve();
      else asked[1]?.();
    });
    await using client = (await openTestClient(server.origin, clientOf(server.origin))).client;
    const giveUp = new AbortController();
    const url = new URL(`${server.origin}/data`);
    const first = client.request({ method: "GET", url, signal: giveUp.signal });
    const second = get(client, url.href);
    await isAsked.promise;
    giveUp.abort(new Error("given up"));
    await expect(first).rejects.toThrow("given up");
    expect((await second).status).toBe(200);
    expect(server.seen.at(-1)?.headers.authorization).toBe("Bearer token-of-the-second");
  });

  test("a refused token is replaced once, and a second refusal is SOURCE_REFUSED", async () => {
    await using server = await startTokenServer({ revoked: new Set(["token-1", "token-3", "token-4"]) });
    await using client = (await openTestClient(server.origin, clientOf(server.origin))).client;
    await get(client, `${server.origin}/data`);
    expect(server.seen.map(({ url, headers }) => headers.authorization ?? url.pathname)).toEqual([
      "/token",
      "Bearer token-1",
      "/token",
      "Bearer token-2",
    ]);
  });

  test("where the new token is refused as well, that is the answer", async () => {
    await using server = await startTokenServer({ revoked: new Set(["token-1", "token-2"]) });
    await using client = (await openTestClient(server.origin, clientOf(server.origin))).client;
    await expect(get(client, `${server.origin}/data`)).rejects.toMatchObject({
      code: "SOURCE_REFUSED",
      details: { status: 401 },
    });
    expect(server.seen).toHaveLength(4);
  });

  test("a token server that refuses, and one that answers without a token, are distinguished", async () => {
    await using server = await startHttpServer(({ url }, response) => {
      response.statusCode = url.pathname === "/token" ? 401 : 200;
      response.end('{"error":"invalid_client","sent":"s:e&cret"}');
    });
    await using refused = (await openTestClient(server.origin, clientOf(server.origin))).client;
    const error = await get(refused, `${server.origin}/data`).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "SOURCE_REFUSED", message: expect.stringContaining("/token") });
    expect(inspect(error)).not.toContain("s:e&cret");

    const odd = clientOf(server.origin, { tokenUrl: `${server.origin}/odd` });
    await using without = (await openTestClient(server.origin, odd)).client;
    await expect(get(without, `${server.origin}/data`)).rejects.toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringContaining("access_token"),
    });
  });

  test("a token server that is down for a moment is asked again", async () => {
    let asked = 0;
    await using server = await startHttpServer(({ url }, response) => {
      if (url.pathname === "/token" && ++asked < 3) response.writeHead(503).end();
      else sendJson(response, { access_token: "abcdef" });
    });
    await using client = (await openTestClient(server.origin, clientOf(server.origin))).client;
    await get(client, `${server.origin}/data`);
    expect(asked).toBe(3);
  });
});

describe("redirects", () => {
  const authentication = { type: "bearer", token: "secret-bearer" } as const;
  const headers = { "x-team": "blue" };

  test("are followed within the origin, with credentials and the final address", async () => {
    await using server = await startHttpServer(({ url }, response) => {
      if (url.pathname === "/old") response.writeHead(301, { location: "/new?a=1" }).end();
      else sendJson(response, "[]");
    });
    await using client = (await openTestClient(server.origin, { authentication, headers })).client;
    const { url } = await get(client, `${server.origin}/old`);
    expect(url.href).toBe(`${server.origin}/new?a=1`);
    expect(server.seen[1]?.headers).toMatchObject({
      authorization: "Bearer secret-bearer",
      "x-team": "blue",
    });
  });

  test("P14: to another origin carry neither credentials nor declared headers, nor does what follows", async () => {
    await using home = await startHttpServer(({ url }, response) => {
      if (url.pathname === "/") response.writeHead(302, { location: `${other.origin}/away` }).end();
      else sendJson(response, "[]");
    });
    await using other = await startHttpServer((_request, response) => {
      response.writeHead(307, { location: `${home.origin}/back` }).end();
    });
    await using client = (await openTestClient(home.origin, { authentication, headers })).client;
    expect((await get(client, `${home.origin}/`)).text).toBe("[]");
    const [away] = other.seen;
    const [, back] = home.seen;
    for (const request of [away, back]) {
      expect(request?.headers.authorization).toBeUndefined();
      expect(request?.headers["x-team"]).toBeUndefined();
    }
  });

  test("P14: an api key is taken out of a location that repeats it", async () => {
    await using other = await startHttpServer((_request, response) => sendJson(response, "[]"));
    await using home = await startHttpServer(({ url }, response) => {
      response.writeHead(302, { location: `${other.origin}${url.pathname}${url.search}` }).end();
    });
    const key = { type: "apiKey", in: "query", name: "key", value: "secret-key" } as const;
    await using client = (await openTestClient(home.origin, { authentication: key })).client;
    await get(client, `${home.origin}/?a=1`);
    expect(home.seen[0]?.url.search).toBe("?a=1&key=secret-key");
    expect(other.seen[0]?.url.search).toBe("?a=1");
  });

  test("stop after five, and are not followed for a POST or to what is no address over HTTP", async () => {
    await using server = await startHttpServer(({ url }, response) => {
      const location = url.pathname === "/odd" ? "ftp://127.0.0.1/" : "/again";
      response.writeHead(302, { location }).end();
    });
    await using client = (await openTestClient(server.origin, {})).client;
    await expect(get(client, server.origin)).rejects.toMatchObject({ code: "SOURCE_REFUSED" });
    expect(server.seen).toHaveLength(6);
    await expect(get(client, `${server.origin}/odd`)).rejects.toMatchObject({ code: "SOURCE_REFUSED" });
    const post = client.request({ method: "POST", url: new URL(server.origin), body: "{}", signal });
    await expect(post).rejects.toMatchObject({ code: "SOURCE_REFUSED" });
    expect(server.seen).toHaveLength(8);
  });
});

describe("P14: no error shows a secret", () => {
  const credentials: [string, Authentication | undefined, string][] = [
    [
      "apiKey in a header",
      { type: "apiKey", in: "header", name: "x-key", value: "p14 header/key" },
      "p14 header/key",
    ],
    [
      "apiKey in the query",
      { type: "apiKey", in: "query", name: "k", value: "p14 query/key'" },
      "p14 query/key'",
    ],
    ["bearer", { type: "bearer", token: "p14-bearer" }, "p14-bearer"],
    ["basic", { type: "basic", username: "u", password: "p14-password" }, "p14-password"],
    ["a declared header", undefined, "p14-declared"],
  ];

  test.each(credentials)(
    "%s, repeated by the server in every failure",
    async (_name, authentication, secret) => {
      await using server = await startHttpServer((request, response) => {
        response.statusCode = Number(request.url.pathname.slice(1));
        const { authorization = "" } = request.headers;
        response.end(`${secret} ${authorization.split(" ")[1]} ${request.url.href}`);
      });
      const headers = { Authorization: "Token p14-declared" };
      await using client = (
        await openTestClient(server.origin, { authentication, headers, retry: { attempts: 1 } })
      ).client;
      for (const status of [400, 401, 403, 404, 429, 500, 501, 304]) {
        const address = `${server.origin}/${status}?since=5&access_token=p14-parameter`;
        const error = await get(client, address).catch((thrown: unknown) => thrown);
        const shown = `${inspect(error, { depth: 10 })} ${JSON.stringify(error)} ${String(error)}`;
        expect(shown).toContain("since=5");
        const basic = Buffer.from(`u:${secret}`).toString("base64");
        const form = new URLSearchParams({ k: secret }).toString().slice(2);
        const sent = form.replaceAll("+", "%20");
        for (const leak of [
          secret,
          encodeURIComponent(secret),
          form,
          sent,
          basic,
          "p14-declared",
          "p14-parameter",
        ]) {
          // Statuses are looked at one by one, so the message has to say which.
          expect(shown.includes(leak), `${leak} after ${status}`).toBe(false);
        }
      }
    },
  );

  test("an access token, repeated by the server that refuses it", async () => {
    await using server = await startHttpServer(({ url, headers }, response) => {
      if (url.pathname === "/token") sendJson(response, { access_token: "p14-access-token" });
      else response.writeHead(400).end(headers.authorization);
    });
    await using client = (await openTestClient(server.origin, clientOf(server.origin))).client;
    const error = await get(client, `${server.origin}/data`).catch((thrown: unknown) => thrown);
    expect(inspect(error)).toContain("Bearer [redacted]");
    expect(inspect(error)).not.toContain("p14-access-token");
  });
});
