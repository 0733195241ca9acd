import { describe, expect, test } from "vitest";
import type { HttpPollingKeys, ReadResult } from "../../../test/support/http-polling.ts";
import { readOnce } from "../../../test/support/http-polling.ts";
import { type HttpHandler, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { byOffset, byPage, idsOf, number, read, rows, upTo } from "../../../test/support/paged-source.ts";

const offset = { ...byOffset, limit: 3, totalField: "total" } as const;
const link = {
  type: "link",
  nextCursorField: "next",
  limitParam: "limit",
  limit: 3,
  totalField: "total",
} as const;

interface Always {
  readonly count: number;
  /** Which ids the source gives; all by default. */
  readonly given?: (id: number) => boolean;
  readonly total?: (page: readonly object[], from: number) => number;
  readonly more?: object;
}

/** A source that names a next page in every answer, also behind its last (CKAN). */
function alwaysNext({ count, given = () => true, total = () => count, more = {} }: Always): HttpHandler {
  return (request, response) => {
    const from = number(request, "offset");
    const list = rows(count)
      .slice(from, from + 3)
      .filter(({ id }) => given(id));
    sendJson(response, { list, total: total(list, from), next: `/?offset=${from + 3}&limit=3`, ...more });
  };
}

describe("a next page that a source names for ever, and a declared total that came whole", () => {
  test.each([3, 4, 5, 6])("is no sign on the last page of a read by offset: %d records", async (count) => {
    const { error, warnings, records } = await read(alwaysNext({ count }), offset);
    expect([error, warnings, records.length]).toEqual([null, [], count]);
  });

  test("P15: is reported where the total is the size of the page", async () => {
    const { warnings } = await read(alwaysNext({ count: 2, total: ({ length }) => length }), {
      ...offset,
      end: "shortPage",
    });
    expect(warnings).toEqual(["MORE_PAGES_SHOWN"]);
  });

  test("P15: a flag that says that more follows is reported all the same", async () => {
    const { warnings } = await read(alwaysNext({ count: 4, more: { has_more: true } }), offset);
    expect(warnings).toEqual(["MORE_PAGES_SHOWN"]);
  });

  test.each([2, 3, 4, 6])("ends a read by links at its first empty page: %d records", async (count) => {
    const first = await read(alwaysNext({ count }), link);
    expect([first.error, first.warnings, first.records.length]).toEqual([null, [], count]);
    expect(first.requests).toBe(Math.ceil(count / 3) + 1);
    const quiet = await read(alwaysNext({ count: 0 }), link, { facts: first.facts });
    expect([quiet.error, quiet.requests]).toEqual([null, 1]);
  });

  test("is named where no total is declared and the links never end", async () => {
    const { totalField: _, ...bare } = link;
    const { error } = await read(alwaysNext({ count: 4 }), bare);
    expect(error).toMatchObject({
      code: "SOURCE_TRUNCATED",
      hint: expect.stringContaining("`totalField: total`"),
    });
  });

  test.each<[string, Omit<Always, "count">]>([
    ["more is to come", { given: (id) => id < 4 || id > 6 }],
    ["it is the size of the page", { given: (id) => id < 4 || id > 6, total: ({ length }) => length }],
    ["it is the size of the page, and kept", { given: (id) => id > 3, total: ({ length }) => length }],
  ])("P15: an empty page is a page in the middle where %s", async (_why, source) => {
    const count = 12;
    const handler = alwaysNext({ count, ...source });
    const until: HttpHandler = (request, response) =>
      number(request, "offset") > 12
        ? sendJson(response, { list: [], next: null })
        : handler(request, response);
    const given = upTo(count).filter((id) => source.given?.(id) ?? true);
    expect(idsOf(await read(until, link))).toEqual(given);
  });
});

describe("a source that gives its last page for any page past it", () => {
  interface Last {
    readonly count: number;
    readonly told?: (page: number, count: number) => object;
    /** Which page comes in place of which, apart from those past the end. */
    readonly swapped?: Readonly<Record<number, number>>;
    readonly isEmptyPastEnd?: boolean;
  }

  const magento = (page: number, count: number): object => ({
    total_count: count,
    search: { current_page: page },
  });

  function lastAgain({ count, told = magento, swapped = {}, isEmptyPastEnd = false }: Last): HttpHandler {
    return (request, response) => {
      const last = Math.ceil(count / 3);
      const asked = swapped[number(request, "page")] ?? number(request, "page");
      const page = isEmptyPastEnd ? asked : Math.min(asked, last);
      sendJson(response, { list: rows(count).slice((page - 1) * 3, page * 3), ...told(page, count) });
    };
  }

  const page = { ...byPage, limit: 3 } as const;

  test.each<[string, Last["told"]]>([
    ["a total and the page's number", magento],
    ["a total", (_page, count) => ({ total_count: count })],
    ["the page's number", (number) => ({ meta: { currentPage: number } })],
  ])("ends by %s, and hands its page on once", async (_what, told) => {
    for (const count of [6, 9]) {
      const source = { count, ...(told === undefined ? {} : { told }) };
      const { error, warnings, records, requests } = await read(lastAgain(source), page);
      expect([error, warnings, records.length, requests]).toEqual([null, [], count, count / 3 + 2]);
    }
  });

  test("is reported where it is the only page, with the total that would decide", async () => {
    const doubted = await read(lastAgain({ count: 3 }), page);
    expect([doubted.error, doubted.records.length]).toEqual([null, 3]);
    expect(doubted.messages).toEqual([
      expect.stringMatching(/^END_UNCONFIRMED: .*`totalField: total_count`/),
    ]);
    const sure = await read(lastAgain({ count: 3 }), { ...page, totalField: "total_count" });
    expect([sure.error, sure.warnings, sure.records.length]).toEqual([null, [], 3]);
  });

  test.each<[string, Omit<Last, "count">]>([
    ["tells of more records", {}],
    ["tells of another page", { told: (page) => ({ page, has_more: true }) }],
  ])("P15: is no end where the source %s", async (_what, source) => {
    const swapped = { 3: 2, 4: 2, 5: 2 };
    const { error } = await read(lastAgain({ count: 12, swapped, ...source }), page);
    expect(error).toMatchObject({ code: "PAGE_REPEATED" });
  });

  test("P15: a page that came once in place of another, with its number, is reported", async () => {
    const source = { count: 12, swapped: { 3: 2 }, told: (page: number) => ({ page }), isEmptyPastEnd: true };
    const { error, warnings, records } = await read(lastAgain(source), page);
    expect([error, warnings, records.length]).toEqual([null, ["PAGE_REPEATED_ONCE"], 12]);
  });

  test("P15: a source that does not page by the parameter fails, and the hint names the total", async () => {
    const { error } = await read(lastAgain({ count: 9, swapped: { 2: 1, 3: 1, 4: 1 } }), page);
    expect(error).toMatchObject({
      code: "PAGE_REPEATED",
      hint: expect.stringContaining("`totalField: total_count`"),
    });
  });
});

describe("a number of all records, under a bound", () => {
  const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
  const keys = {
    dataField: "list",
    key: "id",
    pagination: { ...byPage, limit: 3 },
    statePersistence: {
      timestamp: { field: "at", queryParam: "since", bound: "inclusive" },
      order: "ascending",
    },
  } as const;

  /** One run over a table of so many rows, from a bound on. */
  async function run(count: number, since: number | null, facts?: ReadonlySet<string>): Promise<ReadResult> {
    const all = rows(count).map(({ id }) => ({ id, at: at(id) }));
    await using server = await startHttpServer((request, response) => {
      const found = all.filter((row) => row.at >= (request.url.searchParams.get("since") ?? ""));
      const from = 3 * (number(request, "page", 1) - 1);
      const meta = { total_count: count, filter_count: found.length };
      sendJson(response, { list: found.slice(from, from + 3), meta });
    });
    const lower = since === null ? null : ({ type: "timestamp_utc", value: at(since) } as const);
    const declared: HttpPollingKeys = { endpoint: server.origin, ...keys };
    return await readOnce(declared, { window: { lower, upper: null } }, facts);
  }

  test("is not taken for one that follows it, where nothing lay before the bound at first", async () => {
    let facts: ReadonlySet<string> | undefined;
    for (const [count, since] of [
      [1, null],
      [1, 1],
      [4, 1],
      [4, 4],
      [5, 1],
      [3, 1],
      [9, 4],
      [9, 9],
    ] as const) {
      const result = await run(count, since, facts);
      expect([count, since, result.error, result.warnings]).toEqual([count, since, null, []]);
      facts = result.facts;
    }
  });
});
