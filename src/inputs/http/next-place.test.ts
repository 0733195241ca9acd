import { describe, expect, test } from "vitest";
import {
  type HttpPollingKeys,
  openSession,
  type ReadResult,
  readOnce,
} from "../../../test/support/http-polling.ts";
import { sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { always, readAnswers as read } from "../../../test/support/one-answer.ts";

const rows = [{ id: 1 }, { id: 2 }, { id: 3 }];

const cursor = { type: "cursor", param: "token", nextCursorField: "meta.next" } as const;
const link = { type: "link" } as const;

describe("P15: a next place that was never seen", () => {
  test.each([
    [
      "a token under another name",
      { meta: { next_page_token: "abc" } },
      "`nextCursorField: meta.next_page_token`",
    ],
    ["a token beside the list", { nextCursor: 17 }, "`nextCursorField: nextCursor`"],
    ["an object that holds it", { paging: { next: { after: "x" } } }, "`nextCursorField: paging.next.after`"],
    [
      "an address",
      { "@odata.nextLink": "https://x.example/?p=2" },
      "`type: link` with `nextCursorField: @odata.nextLink`",
    ],
    ["HAL", { _links: { next: { href: "/p/2" } } }, "`nextCursorField: _links.next.href`"],
    [
      "Slack's",
      { response_metadata: { next_cursor: "dXNlcg==" } },
      "`nextCursorField: response_metadata.next_cursor`",
    ],
    ["links with relations", { links: [{ rel: "next", href: "/p/2" }] }, "`links` says that more follows"],
    ["a flag", { has_more: true }, "`has_more` says that more follows"],
    ["a flag as text", { paging: { hasNextPage: "true" } }, "`paging.hasNextPage` says that more follows"],
    ["a flag of the end", { page: { last: false } }, "`page.last` says that more follows"],
    ["a number of pages", { page: 1, total_pages: 3 }, "`total_pages` shows that there are more pages"],
  ])("fails where the envelope shows that more follows: %s", async (_what, envelope, told) => {
    for (const pagination of [cursor, link]) {
      const { error, records } = await read(always({ data: rows, ...envelope }), pagination);
      expect([error, records]).toMatchObject([{ code: "SOURCE_INVALID" }, rows]);
      const text = `${error instanceof Error ? error.message : ""} ${JSON.stringify(error)}`;
      expect(text).toContain("`pagination.optional: true`");
      if (pagination === cursor || !told.includes("nextCursorField")) expect(text).toContain(told);
    }
  });

  test("fails where a header shows it, and says which", async () => {
    const byHeader = always({ data: rows }, { "X-Next-Page": "2" });
    expect((await read(byHeader, cursor)).error).toMatchObject({
      code: "SOURCE_INVALID",
      hint: expect.stringContaining("the header `x-next-page`"),
    });
    const byLink = always({ data: rows }, { link: '</p/2>; rel="next"' });
    expect((await read(byLink, cursor)).error).toMatchObject({
      code: "SOURCE_INVALID",
      hint: expect.stringContaining("`type: link` without `nextCursorField`"),
    });
  });

  test("fails where the page has as many records as were asked for", async () => {
    const { error } = await read(always({ data: rows }), { ...cursor, limit: 3 });
    expect(error).toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringContaining("`meta.next`"),
      hint: expect.stringContaining("`pagination.optional: true`"),
    });
  });

  test("otherwise warns, with the setting that says it may be absent", async () => {
    for (const pagination of [cursor, link, { ...cursor, limit: 10 }]) {
      const { error, messages } = await read(always({ data: rows }), pagination);
      expect([error, messages]).toEqual([
        null,
        [expect.stringMatching(/^NEXT_PAGE_ABSENT: .*optional: true/)],
      ]);
    }
  });

  test("is not learned from null in place of the object that would hold it", async () => {
    const { error, facts } = await read(always({ data: rows, meta: null }), cursor);
    expect([error, facts.has("next:meta.next")]).toEqual([null, false]);
    const later = await read(
      always({ data: rows, meta: { scroll: "abc" } }),
      { ...cursor, limit: 3 },
      undefined,
      facts,
    );
    expect(later.error).toMatchObject({ code: "SOURCE_INVALID" });
  });

  test("is reported once where it is absent and earlier reads ended with null in its place", async () => {
    const paged = async (atEnd: object, facts?: ReadonlySet<string>): Promise<ReadResult> =>
      await read(
        ({ url }, response) =>
          sendJson(
            response,
            url.searchParams.has("token") ? { data: rows, ...atEnd } : { data: rows, meta: { next: "b" } },
          ),
        cursor,
        { dataField: "data", key: "n" },
        facts,
      );
    const atNull = await paged({ meta: { next: null } });
    const absent = await paged({ meta: {} }, atNull.facts);
    const again = await paged({ meta: {} }, absent.facts);
    expect([atNull, absent, again].map(({ messages }) => messages)).toEqual([
      [],
      [expect.stringMatching(/^NEXT_PAGE_ABSENT: .*earlier reads ended/)],
      [],
    ]);
    const always = await paged({ meta: {} });
    expect([always.messages, (await paged({ meta: {} }, always.facts)).messages]).toEqual([[], []]);
  });

  const asked = { ...link, limit: 10, limitParam: "limit" } as const;
  const cursored: Partial<HttpPollingKeys> = {
    dataField: "data",
    key: "id",
    statePersistence: { id: { field: "id", queryParam: "after" } },
  };
  const list = (count: number): { id: number }[] => Array.from({ length: count }, (_, id) => ({ id }));

  test("is reported once of the same short page, whatever else its records say, and again once they are others", async () => {
    const keys = { dataField: "data", key: "id" };
    const at = async (data: object[], facts?: ReadonlySet<string>): Promise<ReadResult> =>
      await read(always({ data }), asked, keys, facts);
    const first = await at(list(3));
    const same = await at(
      list(3).map((row) => ({ ...row, stars: 7 })),
      first.facts,
    );
    const more = await at(list(4), same.facts);
    expect([first, same, more].map(({ warnings }) => warnings)).toEqual([
      ["NEXT_PAGE_ABSENT"],
      [],
      ["NEXT_PAGE_ABSENT"],
    ]);
  });

  test("is reported each time of a page that may be as large as the source makes them", async () => {
    const keys = { dataField: "data", key: "id" };
    for (const [pagination, count, given] of [
      [link, 3, keys],
      [{ ...asked, limit: 100 }, 50, keys],
      [{ ...asked, limit: 100 }, 50, cursored],
    ] as const) {
      const first = await read(always({ data: list(count) }), pagination, given);
      const second = await read(always({ data: list(count) }), pagination, given, first.facts);
      expect(second.warnings).toEqual(["NEXT_PAGE_ABSENT"]);
    }
  });

  test("is reported once of the same short page of a stream that never had a larger one", async () => {
    const first = await read(always({ data: list(1) }), asked, cursored);
    const second = await read(always({ data: list(1) }), asked, cursored, first.facts);
    expect([first.warnings, second.warnings]).toEqual([["NEXT_PAGE_ABSENT"], []]);
  });

  test.each([
    [9, 1],
    [90, 10],
  ])(
    "is told once of the records at the watermark, in quiet runs of a stream that had larger pages: %i, then %i records",
    async (before, now) => {
      const pagination = { ...asked, limit: 100 };
      const first = await read(always({ data: list(before) }), pagination, cursored);
      const second = await read(always({ data: list(now) }), pagination, cursored, first.facts);
      const third = await read(always({ data: list(now) }), pagination, cursored, second.facts);
      expect([second.warnings, third.warnings]).toEqual([["NEXT_PAGE_ABSENT"], []]);
    },
  );

  test("is an end where `optional: true` declares it, also on a full page", async () => {
    for (const pagination of [cursor, link]) {
      const { error, warnings } = await read(always({ data: rows }), {
        ...pagination,
        limit: 3,
        optional: true,
      });
      expect([error, warnings]).toEqual([null, []]);
    }
  });

  test("is no warning on an empty page, and none where the source says that this is the end", async () => {
    for (const body of [
      { data: [] },
      { data: rows, has_more: false },
      { data: rows, page: { last: true } },
    ]) {
      const { error, warnings } = await read(always(body), cursor);
      expect([error, warnings]).toEqual([null, []]);
    }
  });

  test("a bare list cannot have it: the run fails, and says where the next page is", async () => {
    const { error } = await read(always(rows, { NextPageToken: "abc" }), cursor, {});
    expect(error).toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringContaining("the answer is a list, which cannot have `meta.next`"),
      hint: expect.stringContaining("the header `nextpagetoken`"),
    });
  });
});

test.each([
  ["file:///etc/passwd", "no address over HTTP: file:///etc/passwd"],
  ["javascript:1", "no address over HTTP: javascript:1"],
  ["data:,x", "no address over HTTP: data:,x"],
  ["foo://ada:pw@host/x?token=abc", "no address over HTTP: foo://host/x?token=[redacted]"],
  ["https://elsewhere.example/p/2", "leads to another origin, https://elsewhere.example/p/2"],
])("the message shows a link that is not followed: %s", async (next, shown) => {
  const { error } = await read(always({ data: rows, meta: { next } }), {
    ...link,
    nextCursorField: "meta.next",
  });
  expect(error).toMatchObject({ code: "SOURCE_INVALID", message: expect.stringContaining(shown) });
});

describe("what is an end", () => {
  test.each([
    ["null", { meta: { next: null } }],
    ["an empty text", { meta: { next: "" } }],
    ["false", { meta: { next: false } }],
    ["null above it", { meta: null }],
  ])("a next place that is present and %s", async (_what, envelope) => {
    const { error, warnings } = await read(always({ data: rows, ...envelope }), { ...cursor, limit: 3 });
    expect([error, warnings]).toEqual([null, []]);
  });

  test.each([
    ["a flag", { page: { last: true } }, {}],
    ["a declared total that came whole", { total: 3 }, { totalField: "total" }],
  ])("a full page that itself says by %s that it is the last", async (_what, envelope, declared) => {
    const pagination = { ...cursor, limit: 3, ...declared };
    const first = await read(always({ data: rows, ...envelope }), pagination);
    const later = await read(
      always({ data: rows, ...envelope }),
      pagination,
      { dataField: "data" },
      new Set(["next:meta.next"]),
    );
    expect([first.error, first.warnings, later.error, later.warnings]).toEqual([null, [], null, []]);
  });

  test("a flag whose name says which way it goes, although a token for a later page is next to it", async () => {
    const pageInfo = { hasNextPage: false, endCursor: "Y3Vyc29yOjM=" };
    const relay = { type: "cursor", param: "after", nextCursorField: "pageInfo.endCursor" } as const;
    const { error, warnings } = await read(always({ data: rows, pageInfo }), {
      ...relay,
      hasMoreField: "pageInfo.hasNextPage",
    });
    expect([error, warnings]).toEqual([null, []]);
    const vague = { flag: false, pageInfo: { endCursor: "Y3Vyc29yOjM=" } };
    const doubted = await read(always({ data: rows, ...vague }), { ...relay, hasMoreField: "flag" });
    expect(doubted.warnings).toEqual(["MORE_PAGES_SHOWN"]);
  });

  test("a `Link` header whose next page the source says to be empty", async () => {
    const header = '</p/0>; rel="previous"; results="false", </p/2>; rel="next"; results="false"';
    const { error, warnings } = await read(always({ data: rows }, { link: header }), { ...link, limit: 3 });
    expect([error, warnings]).toEqual([null, []]);
  });

  test("a `Link` header that leads to other pages only", async () => {
    const { error, warnings } = await read(always({ data: rows }, { link: '</p/1>; rel="prev"' }), link);
    expect([error, warnings]).toEqual([null, []]);
  });

  test("one that was seen before in the read, or by an earlier run", async () => {
    await using server = await startHttpServer(({ url }, response) => {
      sendJson(response, { data: rows, ...(url.search === "" ? { meta: { next: "2" } } : {}) });
    });
    const keys = { endpoint: server.origin, dataField: "data", pagination: cursor };
    const first = await readOnce(keys);
    expect([first.error, first.warnings, [...first.facts]]).toEqual([
      null,
      [],
      expect.arrayContaining(["next:meta.next"]),
    ]);
    const later = await read(always({ data: rows }), cursor, { dataField: "data" }, first.facts);
    expect([later.error, later.warnings]).toEqual([null, []]);
  });

  test("one that was seen before is reported where it is absent from a full page", async () => {
    const facts = new Set(["next:meta.next"]);
    const full = await read(always({ data: rows }), { ...cursor, limit: 3 }, { dataField: "data" }, facts);
    expect([full.error, full.warnings]).toEqual([null, ["NEXT_PAGE_ABSENT"]]);
  });
});

describe("an end that the rest of the answer contradicts is reported", () => {
  const contradicted = expect.stringMatching(/^MORE_PAGES_SHOWN: /);

  test("a place that is null, and another one next to it", async () => {
    const body = { data: rows, previous: null, next: "https://x.example/?page=2" };
    const { error, messages } = await read(always(body), { type: "link", nextCursorField: "previous" });
    expect([error, messages]).toEqual([null, [contradicted]]);
  });

  test("a flag that says no more, and a next page, until the flag was seen to change", async () => {
    const body = { data: rows, exhausted: false, meta: { next: "2" } };
    const pagination = { ...cursor, hasMoreField: "exhausted" } as const;
    const { error, messages } = await read(always(body), pagination);
    expect([error, messages]).toEqual([null, [contradicted]]);
    const facts = new Set(["more:exhausted"]);
    expect((await read(always(body), pagination, { dataField: "data" }, facts)).messages).toEqual([]);
  });

  test("a flag that is true at the end by its name is refused", async () => {
    const pagination = { ...cursor, hasMoreField: "meta.end_of_stream" } as const;
    await expect(openSession({ endpoint: "https://x.example", pagination })).rejects.toThrow(
      /true at the end/,
    );
  });

  test("a flag that says more, and no link", async () => {
    const { error } = await read(always({ data: rows, more: true }), { ...link, hasMoreField: "more" });
    expect(error).toMatchObject({
      code: "SOURCE_INVALID",
      message: expect.stringContaining("`Link` header"),
    });
  });
});

test("P15: the list of partitions is judged by the same rules, with facts of its own", async () => {
  await using server = await startHttpServer(
    always({ data: [{ name: "a" }], meta: { next_page_token: "abc" } }),
  );
  const session = await openSession({
    endpoint: `${server.origin}/{{ partition }}`,
    partitions: {
      from: { type: "httpPolling", endpoint: server.origin, dataField: "data", pagination: cursor },
      field: "name",
    },
  });
  const names = async (): Promise<string[]> => {
    const all: string[] = [];
    for await (const page of session.partitions?.(new AbortController().signal) ?? []) all.push(...page);
    return all;
  };
  await expect(names()).rejects.toMatchObject({ code: "SOURCE_INVALID" });
  await session.close();
});
