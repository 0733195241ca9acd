import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request as send } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, type Socket } from "node:net";
import tls from "node:tls";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { openTestClient } from "../../test/support/http-client.ts";
import { sendJson, startHttpServer, unknownHost } from "../../test/support/http-server.ts";
import type { HttpClient } from "./client.ts";

const signal = new AbortController().signal;
const certificates = new URL("../../test/support/tls/", import.meta.url);

interface TestProxy extends AsyncDisposable {
  readonly address: string;
  /** What it was asked, as `METHOD target authorization`. */
  readonly asked: readonly string[];
}

/** A real proxy: it hands plain requests on and opens tunnels, or answers all of them with a status. */
async function startProxy(refusal: number | null = null): Promise<TestProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const note = ({
    method,
    url,
    headers,
  }: {
    method?: string;
    url?: string;
    headers: NodeJS.Dict<unknown>;
  }): void => void asked.push(`${method} ${url} ${headers["proxy-authorization"] ?? "-"}`);
  const server = createServer((incoming, outgoing) => {
    note(incoming);
    if (refusal !== null) return void outgoing.writeHead(refusal).end();
    const passed = send(
      incoming.url ?? "",
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      },
    );
    incoming.pipe(passed);
  });
  server.on("connect", (incoming, socket: Socket) => {
    note(incoming);
    sockets.add(socket);
    if (refusal !== null) return void socket.end(`HTTP/1.1 ${refusal} No\r\n\r\n`);
    const { hostname, port } = new URL(`tcp://${incoming.url}`);
    const behind = connect(Number(port), hostname, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(behind).pipe(socket);
    });
    sockets.add(behind);
    for (const side of [socket, behind]) side.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    address: `127.0.0.1:${address.port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function get(client: HttpClient, address: string) {
  return client.request({ method: "GET", url: new URL(address), signal });
}

describe("requests through a proxy", () => {
  test("plain HTTP is handed to the proxy, with its credentials and without ours being lost", async () => {
    await using proxy = await startProxy();
    await using server = await startHttpServer((_request, response) => sendJson(response, "[1]"));
    const environment = { HTTP_PROXY: `http://me:s3cret-of-proxy@${proxy.address}` };
    const settings = { authentication: { type: "bearer", token: "token-of-source" } } as const;
    await using client = (await openTestClient(server.origin, settings, { environment })).client;
    expect((await get(client, `${server.origin}/x?page=1`)).text).toBe("[1]");
    const basic = Buffer.from("me:s3cret-of-proxy").toString("base64");
    expect(proxy.asked).toEqual([`GET ${server.origin}/x?page=1 Basic ${basic}`]);
    expect(server.seen[0]?.headers).toMatchObject({ authorization: "Bearer token-of-source" });
  });

  test("HTTPS goes through a tunnel, and so does the request for a token", async () => {
    await using proxy = await startProxy();
    const seen: string[] = [];
    const server = createTlsServer(
      {
        key: readFileSync(new URL("server.key", certificates)),
        cert: readFileSync(new URL("server.pem", certificates)),
      },
      (request, response) => {
        seen.push(request.url ?? "");
        sendJson(response, request.url === "/token" ? { access_token: "tunnel-token" } : "[1]");
      },
    ).listen(0);
    await once(server, "listening");
    const known = tls.getCACertificates("default");
    tls.setDefaultCACertificates([...known, readFileSync(new URL("ca.pem", certificates), "utf8")]);
    try {
      const address = server.address();
      const port = address !== null && typeof address === "object" ? address.port : 0;
      const origin = `https://localhost:${port}`;
      const environment = { HTTPS_PROXY: proxy.address };
      const authentication = {
        type: "oauth2ClientCredentials",
        tokenUrl: `${origin}/token`,
        clientId: "me",
        clientSecret: "secret-of-client",
      } as const;
      await using client = (await openTestClient(origin, { authentication }, { environment })).client;
      expect((await get(client, `${origin}/x`)).text).toBe("[1]");
      expect(seen).toEqual(["/token", "/x"]);
      expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT localhost:${port} -`]));
    } finally {
      tls.setDefaultCACertificates(known);
      server.closeAllConnections();
      server.close();
    }
  });

  test("what NO_PROXY names is asked directly", async () => {
    await using proxy = await startProxy();
    await using server = await startHttpServer((_request, response) => sendJson(response, "[1]"));
    const environment = { HTTP_PROXY: proxy.address, NO_PROXY: "127.0.0.1" };
    await using client = (await openTestClient(server.origin, {}, { environment })).client;
    expect((await get(client, server.origin)).text).toBe("[1]");
    expect(proxy.asked).toEqual([]);
  });

  test.each([
    ["http://source.example", "HTTP_PROXY"],
    ["https://source.example", "HTTPS_PROXY"],
  ])("a proxy that wants credentials for %s is named, and the variable to set", async (origin, variable) => {
    await using proxy = await startProxy(407);
    const environment = { [variable]: `http://me:wrong-of-proxy@${proxy.address}` };
    const { client, clock } = await openTestClient(origin, {}, { environment });
    const failed = await get(client, origin).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      code: "SOURCE_REFUSED",
      recoverable: false,
      message: `GET ${origin}/: the proxy http://${proxy.address} answered with status 407`,
      hint: expect.stringContaining(`in front of the host in ${variable}, as http://USER@HOST:PORT`),
    });
    expect(clock.sleeps).toEqual([]);
    expect(inspect(failed, { depth: 10 })).not.toContain("wrong-of-proxy");
    await client.close();
  });

  test("a tunnel that is refused for now is tried again", async () => {
    await using proxy = await startProxy(503);
    const environment = { HTTPS_PROXY: proxy.address };
    await using client = (
      await openTestClient("https://source.example", { retry: { attempts: 2 } }, { environment })
    ).client;
    await expect(get(client, "https://source.example")).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      recoverable: true,
      message: expect.stringMatching(
        /after 2 attempts; .*503.* \(through the proxy http:.* of HTTPS_PROXY\)/,
      ),
    });
    expect(proxy.asked).toHaveLength(2);
  });

  test.each([
    [
      "nothing listens at",
      "127.0.0.1:9",
      /ECONNREFUSED.*through the proxy http:\/\/127.0.0.1:9 of HTTP_PROXY/,
      true,
    ],
    ["nobody has", `${unknownHost}:3128`, /ENOTFOUND.*of HTTP_PROXY/, false],
  ])("a proxy that %s fails the request, and is named", async (_name, address, message, recoverable) => {
    await using server = await startHttpServer((_request, response) => sendJson(response, "[1]"));
    const environment = { HTTP_PROXY: address };
    await using client = (await openTestClient(server.origin, { retry: { attempts: 1 } }, { environment }))
      .client;
    await expect(get(client, server.origin)).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      recoverable,
      message: expect.stringMatching(message),
    });
    expect(server.seen).toEqual([]);
  });
});
