import { expect, test } from "vitest";
import { openTestClient } from "../../test/support/http-client.ts";
import { type HttpHandler, sendJson, startHttpServer } from "../../test/support/http-server.ts";
import { parseTraceContext, withTraceContext } from "../trace-context.ts";

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const signal = new AbortController().signal;
const answering: HttpHandler = (_request, response) => sendJson(response, "[1]");

function inTrace<T>(work: () => Promise<T>): Promise<T> {
  const context = parseTraceContext(parent, "vendor=1");
  if (context === null) throw new Error("it is one");
  return withTraceContext(context, work);
}

test("a request made in a trace hands it on, and one made in none says nothing of any", async () => {
  await using server = await startHttpServer(answering);
  await using client = (await openTestClient(server.origin, {})).client;
  const url = new URL(server.origin);
  await inTrace(() => client.request({ method: "GET", url, signal }));
  await client.request({ method: "GET", url, signal });
  expect(server.seen.map(({ headers }) => [headers.traceparent, headers.tracestate])).toEqual([
    [parent, "vendor=1"],
    [undefined, undefined],
  ]);
});

test("a header of the user's own is never overwritten", async () => {
  await using server = await startHttpServer(answering);
  const headers = { Traceparent: "mine" };
  await using client = (await openTestClient(server.origin, { headers })).client;
  await inTrace(() => client.request({ method: "GET", url: new URL(server.origin), signal }));
  expect(server.seen[0]?.headers).toMatchObject({ traceparent: "mine" });
  expect(server.seen[0]?.headers.tracestate).toBeUndefined();
});

test("another origin that a request is led to gets no trace header", async () => {
  await using other = await startHttpServer(answering);
  await using server = await startHttpServer((_request, response) => {
    response.writeHead(302, { location: other.origin }).end();
  });
  await using client = (await openTestClient(server.origin, {})).client;
  await inTrace(() => client.request({ method: "GET", url: new URL(server.origin), signal }));
  expect(server.seen[0]?.headers.traceparent).toBe(parent);
  expect(other.seen[0]?.headers.traceparent).toBeUndefined();
});
