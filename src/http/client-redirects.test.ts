import { describe, expect, test } from "vitest";
import { openTestClient } from "../../test/support/http-client.ts";
import { type HttpHandler, sendJson, startHttpServer, unknownHost } from "../../test/support/http-server.ts";
import type { HttpClient } from "./client.ts";
import type { HttpRequest } from "./message.ts";

const signal = new AbortController().signal;

function get(client: HttpClient, address: string, more: Partial<HttpRequest> = {}) {
  return client.request({ method: "GET", url: new URL(address), signal, ...more });
}

const withStatus =
  (status: number, headers: Record<string, string> = {}, body = ""): HttpHandler =>
  (_request, response) => {
    response.writeHead(status, headers).end(body);
  };
const answering: HttpHandler = (_request, response) => sendJson(response, "[1]");

describe("redirects to another origin", () => {
  const keys = { authentication: { type: "bearer", token: "redirect-token" } } as const;
  const elsewhere = (target: string): HttpHandler => withStatus(302, { location: target });

  test("a refusal there says that the credentials were not sent, with both addresses", async () => {
    await using other = await startHttpServer(withStatus(401, {}, "who are you?"));
    await using server = await startHttpServer(elsewhere(`${other.origin}/v2`));
    await using client = (await openTestClient(server.origin, keys)).client;
    const failed = await get(client, `${server.origin}/v1`).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      code: "SOURCE_REFUSED",
      message: `GET ${server.origin}/v1: answered with status 401 at ${other.origin}/v2, where a redirect led: "who are you?"`,
      hint: expect.stringContaining(`go to ${server.origin} only and were not sent to ${other.origin}`),
    });
    expect(other.seen[0]?.headers.authorization).toBeUndefined();
  });

  test("an answer from there is taken, with a warning that names both addresses once", async () => {
    await using other = await startHttpServer(answering);
    await using server = await startHttpServer(elsewhere(`${other.origin}/v2`));
    const said: string[] = [];
    const warn = (code: string, message: string): void => void said.push(`${code}: ${message}`);
    await using client = (await openTestClient(server.origin, keys, { warn })).client;
    await get(client, `${server.origin}/v1`);
    await get(client, `${server.origin}/v1`);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(
      /^REDIRECTED_ELSEWHERE: .*\/v1 was redirected to another origin, .*\/v2; `authentication`/,
    );
  });

  test("P14: the body of a GET is not sent there", async () => {
    await using other = await startHttpServer(answering);
    await using server = await startHttpServer(elsewhere(`${other.origin}/v2`));
    await using client = (await openTestClient(server.origin, keys)).client;
    const request = { method: "GET", url: new URL(server.origin), body: "{}", signal } as const;
    await expect(client.request(request)).rejects.toMatchObject({
      code: "SOURCE_REFUSED",
      message: expect.stringContaining("another origin, to which the body of a GET is not sent"),
    });
    expect(other.seen).toEqual([]);
  });

  test("no answer from there names the address that was asked", async () => {
    await using server = await startHttpServer(elsewhere(`http://${unknownHost}/v2`));
    await using client = (await openTestClient(server.origin, keys)).client;
    await expect(get(client, server.origin)).rejects.toMatchObject({
      message: expect.stringContaining(`http://${unknownHost}/v2: no answer`),
    });
  });

  test("a redirect of a POST is refused, and says where it leads", async () => {
    await using server = await startHttpServer(elsewhere("/v2"));
    await using client = (await openTestClient(server.origin, keys)).client;
    await expect(get(client, server.origin, { method: "POST" })).rejects.toMatchObject({
      code: "SOURCE_REFUSED",
      message: expect.stringContaining(`redirected to ${server.origin}/v2, which is not followed for POST`),
    });
  });
});
