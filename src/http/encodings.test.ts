import zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { openTestClient } from "../../test/support/http-client.ts";
import { type HttpHandler, startHttpServer } from "../../test/support/http-server.ts";
import type { HttpClient } from "./client.ts";

const signal = new AbortController().signal;

function get(client: HttpClient, address: string) {
  return client.request({ method: "GET", url: new URL(address), signal });
}

const withStatus =
  (status: number, headers: Record<string, string> = {}, body = ""): HttpHandler =>
  (_request, response) => {
    response.writeHead(status, headers).end(body);
  };

describe("encodings", () => {
  test.each([
    ["gzip", zlib.gzipSync],
    ["br", zlib.brotliCompressSync],
    ["deflate", zlib.deflateSync],
    ["deflate", zlib.deflateRawSync],
  ])("%s is asked for and undone", async (encoding, compress) => {
    const text = JSON.stringify({ name: "Zoë", list: Array.from({ length: 5000 }, (_, i) => i) });
    await using server = await startHttpServer((request, response) => {
      expect(request.headers["accept-encoding"]).toContain(encoding);
      response.writeHead(200, { "content-encoding": encoding }).end(compress(Buffer.from(text)));
    });
    await using client = (await openTestClient(server.origin, {})).client;
    expect((await get(client, server.origin)).text).toBe(text);
  });

  test("encodings on top of one another are undone in turn", async () => {
    await using server = await startHttpServer((_request, response) => {
      const body = zlib.brotliCompressSync(zlib.gzipSync("[1]"));
      response.writeHead(200, { "content-encoding": "gzip, br" }).end(body);
    });
    await using client = (await openTestClient(server.origin, {})).client;
    expect((await get(client, server.origin)).text).toBe("[1]");
  });

  test("an unknown encoding is SOURCE_INVALID at once", async () => {
    await using server = await startHttpServer(withStatus(200, { "content-encoding": "zip" }, "x"));
    await using client = (await openTestClient(server.origin, {})).client;
    await expect(get(client, server.origin)).rejects.toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringContaining("`zip`"),
    });
    expect(server.seen).toHaveLength(1);
  });

  test.each(["UTF-8", "none", "binary", "identity", "aws-chunked", "utf8, none", "made-up"])(
    "a plain body that is labelled %s is read as it is",
    async (encoding) => {
      await using server = await startHttpServer(
        withStatus(200, { "content-encoding": encoding }, '["Zoë"]'),
      );
      await using client = (await openTestClient(server.origin, {})).client;
      expect((await get(client, server.origin)).text).toBe('["Zoë"]');
    },
  );

  test("a character set is decoded as it is named", async () => {
    await using server = await startHttpServer((_request, response) => {
      response.writeHead(200, { "content-type": 'application/json; charset="ISO-8859-1"' });
      response.end(Buffer.from('["Zo\u00eb"]', "latin1"));
    });
    await using client = (await openTestClient(server.origin, {})).client;
    expect((await get(client, server.origin)).text).toBe('["Zoë"]');
  });

  test.each([
    ["as it is", (body: Buffer) => body, undefined],
    ["once decompressed", (body: Buffer) => zlib.gzipSync(body), "gzip"],
  ])("an answer too large %s is SOURCE_INVALID and read no further", async (_name, encode, encoding) => {
    await using server = await startHttpServer((_request, response) => {
      if (encoding !== undefined) response.setHeader("content-encoding", encoding);
      response.end(encode(Buffer.alloc(200_000, "a")));
    });
    await using client = (await openTestClient(server.origin, { maxBodyBytes: 100_000 })).client;
    await expect(get(client, server.origin)).rejects.toMatchObject({ code: "SOURCE_INVALID" });
    expect(server.seen).toHaveLength(1);
  });
});
