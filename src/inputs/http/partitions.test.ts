import { describe, expect, test } from "vitest";
import {
  type HttpPollingKeys,
  openSession,
  readOnce,
  wholeRead,
} from "../../../test/support/http-polling.ts";
import { type SeenRequest, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { namesOf } from "../../../test/support/partition-names.ts";
import { SkippingClock } from "../../../test/support/skipping-clock.ts";

/** What the server was asked for one partition. */
async function askedFor(
  partition: string,
  keysAt: (origin: string) => HttpPollingKeys,
): Promise<{ request: SeenRequest | undefined; error: unknown }> {
  await using server = await startHttpServer((_request, response) => sendJson(response, []));
  const { error } = await readOnce(keysAt(server.origin), { partition });
  return { request: server.seen[0], error };
}

const values = ["a", "b"];

describe("a partition's name", () => {
  test("is percent-encoded in the path and in the query, wherever it comes from", async () => {
    const { request } = await askedFor("acme & co/ü?x", (origin) => ({
      endpoint: `${origin}/repos/{{ partition }}/issues?of={{partition}}`,
      queryParams: { account: "id:{{ partition }}", kind: "open", list: ["{{ partition }}", "z"] },
      partitions: { values },
    }));
    expect(request?.url.pathname).toBe("/repos/acme%20%26%20co%2F%C3%BC%3Fx/issues");
    expect([...(request?.url.searchParams ?? [])]).toEqual([
      ["of", "acme & co/ü?x"],
      ["account", "id:acme & co/ü?x"],
      ["kind", "open"],
      ["list", "acme & co/ü?x"],
      ["list", "z"],
    ]);
  });

  test("keeps its slashes in the path where that is declared", async () => {
    const keys = (origin: string): HttpPollingKeys => ({
      endpoint: `${origin}/repos/{{ partition }}/issues`,
      partitions: { values, keepSlashes: true },
    });
    expect((await askedFor("acme/tide mark", keys)).request?.url.pathname).toBe(
      "/repos/acme/tide%20mark/issues",
    );
    expect((await askedFor("acme/../admin", keys)).error).toMatchObject({
      code: "RECORD_INVALID",
      message: expect.stringContaining('the partition "acme/../admin" cannot be asked for'),
    });
  });

  test("goes into headers and the body, and `\\{{` is sent as `{{`", async () => {
    const { request } = await askedFor('say "x"', (origin) => ({
      endpoint: origin,
      method: "POST",
      headers: { "X-Account": "n={{ partition }}", "x-fixed": "1" },
      body: { account: "{{ partition }}", deep: [{ text: "\\{{ {{ partition }}" }], limit: 3 },
      partitions: { values },
    }));
    expect(request?.headers).toMatchObject({
      "x-account": 'n=say "x"',
      "x-fixed": "1",
      "content-type": "application/json",
    });
    expect(JSON.parse(request?.body ?? "")).toEqual({
      account: 'say "x"',
      deep: [{ text: '{{ say "x"' }],
      limit: 3,
    });
  });

  test.each([
    ["..", "/x/{{ partition }}", {}],
    ["a\nb", "/", { "x-account": "{{ partition }}" }],
  ])("that cannot stand there is an error and no request: %j", async (partition, path, headers) => {
    const { request, error } = await askedFor(partition, (origin) => ({
      endpoint: `${origin}${path}`,
      headers,
      partitions: { values },
    }));
    expect(request).toBeUndefined();
    expect(error).toMatchObject({ code: "RECORD_INVALID" });
  });

  test("is added to each record under `as`, and otherwise leaves it alone", async () => {
    await using server = await startHttpServer((_request, response) => {
      sendJson(response, [{ id: 1, of: { kind: "x" } }, { id: 2 }]);
    });
    const endpoint = `${server.origin}/{{ partition }}`;
    const request = { partition: "acme" };
    const { records } = await readOnce({ endpoint, partitions: { values, as: "of.account" } }, request);
    expect(records).toEqual([
      { id: 1, of: { kind: "x", account: "acme" } },
      { id: 2, of: { account: "acme" } },
    ]);
    expect((await readOnce({ endpoint, partitions: { values } }, request)).records[1]).toEqual({ id: 2 });
  });

  test("never takes the place of a value that a record has on the way", async () => {
    await using server = await startHttpServer((_request, response) =>
      sendJson(response, [{ id: 1, of: "x" }]),
    );
    const endpoint = `${server.origin}/{{ partition }}`;
    const { error } = await readOnce(
      { endpoint, partitions: { values, as: "of.account" } },
      { partition: "acme" },
    );
    expect(error).toMatchObject({ code: "RECORD_INVALID", message: expect.stringContaining("`of` is text") });
  });

  test("stays in the requests of further pages, by links as well", async () => {
    await using server = await startHttpServer(({ url }, response) => {
      if (url.searchParams.has("page")) return sendJson(response, [{ at: url.pathname }]);
      sendJson(response, [{ at: url.pathname }], { link: `<${url.pathname}?page=2>; rel="next"` });
    });
    const { records } = await readOnce(
      {
        endpoint: `${server.origin}/{{ partition }}`,
        headers: { "x-account": "{{ partition }}" },
        pagination: { type: "link" },
        partitions: { values },
      },
      { partition: "acme" },
    );
    expect(records).toHaveLength(2);
    expect(server.seen.map(({ headers }) => headers["x-account"])).toEqual(["acme", "acme"]);
  });
});

test("many partitions are read at once over one session, each at its own place", async () => {
  const names = ["a", "bb", "ccc", "dddd"];
  const waiting: (() => void)[] = [];
  await using server = await startHttpServer(({ url }, response) => {
    const at = Number(url.searchParams.get("t") ?? 0);
    const next = at < 9 ? at + 1 : null;
    // All of them are answered once each has asked, the last to ask first.
    waiting.push(() => sendJson(response, { list: [{ id: `${url.pathname.slice(1)}-${at}` }], next }));
    if (waiting.length < names.length) return;
    for (const answer of waiting.splice(0).reverse()) answer();
  });
  const session = await openSession({
    endpoint: `${server.origin}/{{ partition }}`,
    dataField: "list",
    pagination: { type: "cursor", param: "t", nextCursorField: "next" },
    partitions: { values, as: "of" },
  });
  const read = async (partition: string): Promise<unknown[]> => {
    const records: unknown[] = [];
    for await (const page of session.read(wholeRead({ partition }))) records.push(...page.records);
    return records;
  };
  const all = await Promise.all(names.map(read));
  await session.close();
  expect(all).toEqual(names.map((of) => Array.from({ length: 10 }, (_, at) => ({ id: `${of}-${at}`, of }))));
});

test("partitions and their parent share one rate limit", async () => {
  await using server = await startHttpServer((_request, response) => sendJson(response, [{ name: "a" }]));
  const clock = new SkippingClock();
  const session = await openSession(
    {
      endpoint: `${server.origin}/{{ partition }}`,
      rateLimit: { requests: 1, perMs: 60_000 },
      partitions: { from: { type: "httpPolling", endpoint: server.origin }, field: "name" },
    },
    { clock },
  );
  await namesOf(session);
  const read = async (partition: string): Promise<void> => {
    for await (const _page of session.read(wholeRead({ partition })));
  };
  const before = clock.elapsed();
  await Promise.all([read("a"), read("b")]);
  await session.close();
  expect(server.seen).toHaveLength(3);
  expect(clock.elapsed() - before).toBe(120_000);
});
