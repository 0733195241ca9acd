import { request as forward } from "node:http";
import { expect, test } from "vitest";
import { startHttpServer } from "../support/http-server.ts";
import { startService } from "./support.ts";

const prefix = "/platform/tidemark";

/** A proxy that has the service under a path of its own. */
function startProxy(target: string) {
  return startHttpServer(({ method, headers, url, body }, response) => {
    const path = `${url.pathname}${url.search}`;
    if (!path.startsWith(`${prefix}/`)) {
      response.writeHead(404).end("nothing here");
      return;
    }
    const onward = forward(`${target}${path.slice(prefix.length)}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.end(body);
  });
}

test("behind a proxy's path prefix, pages and problems lead to addresses behind it", async () => {
  const service = await startService();
  await using proxy = await startProxy(service.url);
  const base = `${proxy.origin}${prefix}`;
  const docs = await fetch(`${base}/docs`);
  const [, link = ""] = /href="([^"]*openapi\.json)"/.exec(await docs.text()) ?? [];
  const document = await fetch(new URL(link, `${base}/docs`));
  expect(document.status).toBe(200);
  const { servers }: { servers: { url: string }[] } = JSON.parse(await document.text());
  expect(servers.map(({ url }) => new URL(url, document.url).href)).toEqual([`${base}/`]);
  for (const path of ["/v1/streams", "/v1/streams/acme/orders", "/nothing", "/v1/a/b/c/d/e"]) {
    const address = `${base}${path}`;
    const problem: { type: string; code: string } = JSON.parse(await (await fetch(address)).text());
    const explained = new URL(problem.type, address);
    expect(explained.href).toBe(`${base}/docs#${problem.code}`);
  }
});
