import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testFolder } from "../../test/support/command.ts";
import { type HttpHandler, sendJson, startHttpServer } from "../../test/support/http-server.ts";
import { recordSource } from "./record-source.ts";
import { readRecording } from "./recording.ts";
import { replaySource } from "./replay-source.ts";

/** Records what `use` asks of a source; resolves to the recording's folder and all that is written in it. */
async function recorded(
  handler: HttpHandler,
  use: (origin: string) => Promise<void>,
  secrets: string[] = [],
) {
  const folder = join(testFolder(), "recording");
  await using upstream = await startHttpServer(handler);
  await using recorder = await recordSource({ upstream: upstream.origin, folder, secrets });
  await use(recorder.origin);
  const written = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
  return { folder, written: written.join("\n"), upstream: upstream.origin, seen: upstream.seen };
}

test("a recording plays the same bytes, with every digit, and links that lead to the player", async () => {
  const body = '{"data":[{"id":90071992547409931,"price":1.10}],\n  "next":"ORIGIN/orders?page=2"}';
  let gave = "";
  const { folder, written } = await recorded(
    (request, response) => {
      response.setHeader("link", `<${request.url.origin}/orders?page=2>; rel="next"`);
      sendJson(response, body.replace("ORIGIN", request.url.origin));
    },
    async (origin) => {
      const answer = await fetch(`${origin}/orders?page=1`);
      gave = await answer.text();
      expect(gave).toBe(body.replace("ORIGIN", origin));
      expect(answer.headers.get("link")).toBe(`<${origin}/orders?page=2>; rel="next"`);
    },
  );
  expect(written).toContain("90071992547409931");
  await using source = await replaySource({ folder });
  const answer = await fetch(`${source.origin}/orders?page=1`);
  expect(await answer.text()).toBe(body.replace("ORIGIN", source.origin));
  expect(answer.headers.get("link")).toBe(`<${source.origin}/orders?page=2>; rel="next"`);
});

test("closing leaves no connection to the source open", async () => {
  const upstream = createServer((_request, response) => response.end("[]"));
  // Longer than the test may take: nothing but the recorder ends the connection.
  upstream.keepAliveTimeout = 600_000;
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const address = upstream.address();
  if (address === null || typeof address === "string") throw new Error("the source has no port");
  const connected = once(upstream, "connection");
  const recorder = await recordSource({
    upstream: `http://127.0.0.1:${address.port}`,
    folder: join(testFolder(), "recording"),
  });
  expect(await (await fetch(recorder.origin)).text()).toBe("[]");
  const [socket] = await connected;
  await recorder.close();
  if (!socket.destroyed) await once(socket, "close");
  upstream.close();
  await once(upstream, "close");
});

test("JSON is stored as JSON where that keeps it to the letter, and as text where not", async () => {
  const bodies = ['{"a": [1, 2],\n"b":"x y"}', '{"a":1.10,"a":2}', "<html>"];
  const { folder } = await recorded(
    (request, response) => sendJson(response, bodies[Number(request.url.searchParams.get("at"))]),
    async (origin) => {
      for (const at of bodies.keys()) await (await fetch(`${origin}/?at=${at}`)).text();
    },
  );
  expect(readRecording(folder).map(({ response }) => response.json ?? response.text)).toEqual([
    { a: [1, 2], b: "x y" },
    bodies[1],
    "<html>",
  ]);
});

test("bytes that are no text come back as they were", async () => {
  const bytes = Buffer.from([0xff, 0x00, 0xfe, 0x80]);
  const { folder } = await recorded(
    (_request, response) => void response.end(bytes),
    async (origin) => void (await (await fetch(`${origin}/file`)).arrayBuffer()),
  );
  await using source = await replaySource({ folder });
  expect(Buffer.from(await (await fetch(`${source.origin}/file`)).arrayBuffer())).toEqual(bytes);
});

test("P14: no credential of a request or an answer is written down, and the source got them all", async () => {
  const secrets = [
    "bearer-abcdef",
    "session-123456",
    "key-in-query-1",
    "client-secret-9",
    "access-token-7",
    "shop-7788-99",
  ];
  const { written, seen } = await recorded(
    (request, response) => {
      response.setHeader("set-cookie", "session=session-123456; Path=/");
      sendJson(response, {
        access_token: "access-token-7",
        self: `${request.url.origin}/token?api_key=key-in-query-1`,
        echo: request.headers.authorization,
      });
    },
    async (origin) => {
      for (let time = 0; time < 2; time++) {
        const answer = await fetch(`${origin}/token?api_key=key-in-query-1`, {
          method: "POST",
          headers: {
            authorization: "Bearer bearer-abcdef",
            cookie: "session=session-123456",
            "x-shop": "shop-7788-99",
            "content-type": "application/x-www-form-urlencoded",
          },
          body: "grant_type=client_credentials&client_secret=client-secret-9",
        });
        expect(await answer.json()).toMatchObject({ access_token: "access-token-7" });
      }
    },
    ["X-Shop"],
  );
  for (const secret of secrets) expect(written).not.toContain(secret);
  expect(written).toContain("grant_type=client_credentials");
  expect(seen[1]).toMatchObject({ body: "grant_type=client_credentials&client_secret=client-secret-9" });
  expect(seen[1]?.headers).toMatchObject({ authorization: "Bearer bearer-abcdef", "x-shop": "shop-7788-99" });
});

test("page tokens with the name of a secret still lead from page to page, whatever the credentials", async () => {
  const tokens = [null, "token-of-page-two", "token-of-page-three"];
  for (const field of ["next", "next_page_token"]) {
    const { folder } = await recorded(
      (request, response) => {
        const at = tokens.indexOf(request.url.searchParams.get("page_token"));
        sendJson(response, { data: [{ id: at }], [field]: tokens[at + 1] ?? null });
      },
      (origin) => walk(origin, field, "the-real-key-1234"),
    );
    await using source = await replaySource({ folder });
    await walk(source.origin, field, "any-other-key");
    expect(source.log.map(({ file }) => file)).toEqual(readRecording(folder).map(({ file }) => file));
  }
});

async function walk(origin: string, field: string, key: string): Promise<void> {
  const ids: number[] = [];
  let token: string | null = null;
  do {
    const next = token === null ? "" : `&page_token=${token}`;
    const page: Response = await fetch(`${origin}/orders?api_key=${key}${next}`);
    const body = JSON.parse(await page.text());
    ids.push(body.data[0].id);
    token = body[field];
  } while (token !== null);
  expect(ids).toEqual([0, 1, 2]);
}

test("a folder that holds a recording is left as it is", async () => {
  const { folder } = await recorded(
    (_request, response) => sendJson(response, {}),
    async (origin) => void (await (await fetch(origin)).text()),
  );
  await expect(recordSource({ upstream: "http://127.0.0.1:1", folder })).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
  });
});

test("a source that cannot be reached ends the connection, and nothing is recorded", async () => {
  const folder = join(testFolder(), "recording");
  const gone = await startHttpServer(() => {});
  await gone[Symbol.asyncDispose]();
  await using recorder = await recordSource({ upstream: gone.origin, folder });
  await expect(fetch(recorder.origin)).rejects.toThrow();
  expect(recorder.files).toEqual([]);
});
