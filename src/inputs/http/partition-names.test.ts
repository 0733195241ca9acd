import { describe, expect, test } from "vitest";
import { openSession, wholeRead } from "../../../test/support/http-polling.ts";
import { sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { namesBy, namesOf } from "../../../test/support/partition-names.ts";
import { createHttpPolling } from "./input.ts";
import { httpPollingSchema } from "./schema.ts";

const values = ["a", "b"];

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

    test("are reported where as many others come", async () => {
      const { facts } = await run(["a", "b"]);
      expect((await run(["a", "c"], facts)).messages).toEqual([expect.stringContaining("no longer 1 that")]);
    });

    test("are reported each time where none is left, and are no more missed once they are back", async () => {
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
