import { describe, expect, test } from "vitest";
import {
  type HttpPollingKeys,
  openSession,
  readOnce,
  wholeRead,
} from "../../../test/support/http-polling.ts";
import { type SeenRequest, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { SkippingClock } from "../../../test/support/skipping-clock.ts";
import type { InputSession } from "../../engine/ports.ts";
import { createHttpPolling } from "./input.ts";
import { httpPollingSchema } from "./schema.ts";

const { signal } = new AbortController();

/** The pages of names that a session gives, and how they ended. */
async function namesOf(session: InputSession): Promise<{ pages: (readonly string[])[]; error: unknown }> {
  const pages: (readonly string[])[] = [];
  try {
    for await (const page of session.partitions?.(signal) ?? []) pages.push(page);
    return { pages, error: null };
  } catch (error) {
    return { pages, error };
  }
}

async function namesBy(keys: HttpPollingKeys): Promise<Awaited<ReturnType<typeof namesOf>>> {
  const session = await openSession(keys);
  try {
    return await namesOf(session);
  } finally {
    await session.close();
  }
}

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

  test("goes into headers and the body, and `\\{{` stands for `{{`", async () => {
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

describe("the names of partitions", () => {
  const endpoint = "https://x.example/{{ partition }}";

  test("come from a list, each once", async () => {
    const partitions = { values: ["a", "7", "b", "a", "7"], concurrency: 3 };
    expect((await namesBy({ endpoint, partitions })).pages).toEqual([["a", "7", "b"]]);
    const config = httpPollingSchema.parse({ type: "httpPolling", endpoint, partitions });
    const { incremental } = createHttpPolling(config, { random: () => 0 });
    expect(incremental.partitions).toEqual({ concurrency: 3 });
  });

  test("a stream without partitions has none, and reads without a name", async () => {
    const session = await openSession({ endpoint: "https://x.example" });
    expect(session.partitions).toBeUndefined();
    await session.close();
    const split = await openSession({ endpoint, partitions: { values } });
    expect(() => split.read(wholeRead())).toThrow("without naming one");
    await split.close();
  });

  test("come from a parent's records, page by page to its end, each once", async () => {
    await using server = await startHttpServer(({ url }, response) => {
      const page = Number(url.searchParams.get("page"));
      const list = [
        [{ full_name: "a/1" }, { full_name: "a/2" }],
        [{ full_name: "a/2" }, { full_name: 3 }],
        [],
      ];
      sendJson(response, { repos: list[page - 1] });
    });
    const { pages, error } = await namesBy({
      endpoint: `${server.origin}/{{ partition }}`,
      partitions: {
        from: {
          type: "httpPolling",
          endpoint: `${server.origin}/repos?org=acme`,
          dataField: "repos",
          pagination: { type: "page", param: "page" },
        },
        field: "full_name",
      },
    });
    expect([pages, error]).toEqual([[["a/1", "a/2"], ["3"]], null]);
    expect(server.seen.map(({ url }) => url.search)).toEqual(
      [1, 2, 3].map((page) => `?org=acme&page=${page}`),
    );
  });

  test.each([
    [null, "has null at `name`"],
    [{ a: 1 }, "a name is a text or a number"],
    ["", "it is empty"],
    ["x".repeat(201), "200 are the most"],
    ["a\u0000", "control character"],
  ])("%j is none: the record is named", async (name, expected) => {
    await using server = await startHttpServer((_request, response) => {
      sendJson(response, [{ name: "a" }, { name }]);
    });
    const from = { type: "httpPolling", endpoint: server.origin } as const;
    const { error } = await namesBy({ endpoint, partitions: { from, field: "name" } });
    expect(error).toMatchObject({ code: "RECORD_INVALID", stream: "acme/events" });
    expect(String(error)).toContain("record 2 of page 1 of the partitions has");
    expect(String(error)).toContain(expected);
  });

  test("P15: a parent that stops early, or gives one page for ever, is an error", async () => {
    await using server = await startHttpServer(({ url }, response) => {
      sendJson(response, {
        list: [{ name: "a" }, { name: "b" }],
        total: url.pathname === "/total" ? 5 : null,
      });
    });
    const namesAt = (path: string) =>
      namesBy({
        endpoint,
        partitions: {
          from: {
            type: "httpPolling",
            endpoint: `${server.origin}${path}`,
            dataField: "list",
            pagination: { type: "cursor", param: "t", nextCursorField: "next", totalField: "total" },
          },
          field: "name",
        },
      });
    expect((await namesAt("/total")).error).toMatchObject({ code: "SOURCE_TRUNCATED" });
    const loop = await namesBy({
      endpoint,
      partitions: {
        from: {
          type: "httpPolling",
          endpoint: `${server.origin}/loop`,
          dataField: "list",
          pagination: { type: "page", param: "page" },
        },
        field: "name",
      },
    });
    expect(loop.error).toMatchObject({ code: "PAGE_REPEATED" });
  });

  describe("P15: that a parent no longer gives", () => {
    /** The warnings of one run over a parent that gives so many names, from `first` on. */
    async function run(
      names: readonly string[],
      facts: ReadonlySet<string> = new Set(),
    ): Promise<{ messages: string[]; facts: ReadonlySet<string> }> {
      await using server = await startHttpServer((_request, response) =>
        sendJson(response, { data: names.map((name) => ({ name })) }),
      );
      const messages: string[] = [];
      const from = { type: "httpPolling", endpoint: server.origin, dataField: "data" } as const;
      const session = await openSession(
        { endpoint, partitions: { from, field: "name" } },
        { facts, warn: (code, message) => messages.push(`${code}: ${message}`) },
      );
      await namesOf(session);
      const known = session.facts?.() ?? new Set();
      await session.close();
      return { messages, facts: known };
    }
    const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `p${at}`);

    test.each([3, 200, 201, 5000])("are told once, and new ones are not: of %d", async (count) => {
      const first = await run(many(count));
      const more = await run([...many(count), "new"], first.facts);
      const fewer = await run(many(count - 1), more.facts);
      const again = await run(many(count - 1), fewer.facts);
      const whole = await run([...many(count), "new"], again.facts);
      expect([first, more, again, whole].map(({ messages }) => messages)).toEqual([[], [], [], []]);
      expect(fewer.messages).toEqual([
        expect.stringMatching(
          `^PARTITIONS_MISSING: the parent names ${count - 1} partitions, and no longer 2 that`,
        ),
      ]);
    });

    test("are told where as many others come", async () => {
      const { facts } = await run(["a", "b"]);
      expect((await run(["a", "c"], facts)).messages).toEqual([expect.stringContaining("no longer 1 that")]);
    });

    test("are told each time where none is left, and are no more missed once they are back", async () => {
      const first = await run([]);
      expect(first.messages).toEqual([
        expect.stringMatching(/^PARTITIONS_MISSING: the parent names no partition,/),
      ]);
      const { facts } = await run(["a", "b"], first.facts);
      const none = await run([], facts);
      expect(none.messages).toEqual([
        expect.stringContaining("no partition, and named 2 when it was read before"),
      ]);
      expect((await run(["a", "b"], none.facts)).messages).toEqual([]);
      expect((await run([], none.facts)).messages).toHaveLength(1);
    });
  });

  test("100,000 of them are handed on as they are read, and kept once", async () => {
    const pageSize = 10_000;
    await using server = await startHttpServer(({ url }, response) => {
      const page = Number(url.searchParams.get("page"));
      const first = (page - 1) * pageSize;
      const size = page > 10 ? 0 : pageSize;
      sendJson(
        response,
        Array.from({ length: size }, (_, at) => ({ name: `account-${first + at}` })),
      );
    });
    const { pages } = await namesBy({
      endpoint: `${server.origin}/{{ partition }}`,
      partitions: {
        from: {
          type: "httpPolling",
          endpoint: server.origin,
          pagination: { type: "page", param: "page" },
        },
        field: "name",
      },
    });
    expect(pages.map((page) => page.length)).toEqual(Array(10).fill(pageSize));
  });
});

describe("the parent's requests", () => {
  /** The headers that the parent and a partition were asked with, and how many clients the parent has. */
  async function asked(from: object): Promise<(string | undefined)[]> {
    await using server = await startHttpServer((_request, response) => sendJson(response, [{ name: "a" }]));
    const session = await openSession({
      endpoint: `${server.origin}/{{ partition }}`,
      authentication: { type: "bearer", token: "the-token-of-both" },
      headers: { "x-fixed": "1", "x-account": "{{ partition }}" },
      partitions: {
        from: { type: "httpPolling", endpoint: `${server.origin}/names`, ...from },
        field: "name",
      },
    });
    await namesOf(session);
    await session.close();
    const { headers = {} } = server.seen[0] ?? {};
    return [
      headers.authorization,
      ...["x-fixed", "x-own", "x-account"].map((name) => headers[name]?.toString()),
    ];
  }

  test("carry the input's credentials and headers at its origin, and their own where declared", async () => {
    expect(await asked({})).toEqual(["Bearer the-token-of-both", "1", undefined, undefined]);
    expect(await asked({ timeoutMs: 1000 })).toEqual(["Bearer the-token-of-both", "1", undefined, undefined]);
    expect(await asked({ headers: { "x-own": "2" } })).toEqual([
      "Bearer the-token-of-both",
      undefined,
      "2",
      undefined,
    ]);
    const authentication = { type: "bearer", token: "the-parents-token" };
    expect(await asked({ authentication })).toEqual(["Bearer the-parents-token", "1", undefined, undefined]);
  });

  test("P14: carry nothing of the input's to another origin", async () => {
    await using other = await startHttpServer((_request, response) => sendJson(response, [{ name: "a" }]));
    await asked({ endpoint: other.origin });
    expect(other.seen[0]?.headers).not.toHaveProperty("authorization");
    expect(other.seen[0]?.headers).not.toHaveProperty("x-fixed");
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
