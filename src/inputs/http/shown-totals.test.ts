import { describe, expect, test } from "vitest";
import { type HttpPollingKeys, type ReadResult, readOnce } from "../../../test/support/http-polling.ts";
import { type SeenRequest, sendJson, startHttpServer } from "../../../test/support/http-server.ts";

interface Row {
  readonly id: number;
  readonly at: string;
}

const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const rowsTo = (count: number): Row[] => Array.from({ length: count }, (_, id) => ({ id, at: at(id) }));

/** How answers tell of a number of records: beside the list, around it, or in a header. */
const tellers = {
  total: (total: number) => ({ body: { total } }),
  "meta.total_count": (total: number) => ({ body: { meta: { total_count: total } } }),
  "x-total-count": (total: number) => ({ headers: { "X-Total-Count": String(total) } }),
  "content-range": (total: number) => ({ headers: { "Content-Range": `items 0-1/${total}` } }),
} as const;

interface Told {
  readonly body?: object;
  readonly headers?: Record<string, string>;
}

const timestamp = { field: "at", queryParam: "since", bound: "inclusive" } as const;
const paging = {
  page: { type: "page", param: "page", limit: 2, limitParam: "limit" },
  offset: { type: "offset", param: "offset", limit: 2, limitParam: "limit" },
  cursor: { type: "cursor", param: "token", nextCursorField: "next" },
  seek: { type: "seek", limit: 2, offsetParam: "skip" },
} as const;

interface Source {
  readonly rows: readonly Row[];
  readonly tell: (total: number) => Told;
  /** Whether the total is of all rows, and not of those that were asked for. */
  readonly ofAll?: boolean;
  /** From which id on the source gives no rows, and empty pages in their place. */
  readonly givenUpTo?: number;
}

function answerOf({ url }: SeenRequest, source: Source): Told & { data: Row[]; next: string | null } {
  const query = url.searchParams;
  const found = source.rows.filter((row) => row.at >= (query.get("since") ?? ""));
  const page = query.get("page");
  const from =
    page === null
      ? Number(query.get("offset") ?? query.get("token") ?? query.get("skip") ?? 0)
      : 2 * (Number(page) - 1);
  const given = found.filter(({ id }) => id < (source.givenUpTo ?? found.length + id));
  const data = given.slice(from, from + 2);
  const isLast = from + 2 >= given.length;
  const told = source.tell(source.ofAll ? source.rows.length : found.length);
  return { data, next: isLast ? null : String(from + 2), ...told };
}

/** Reads a source as one run does, from where an earlier one stopped. */
async function run(
  source: Source,
  pagination: HttpPollingKeys["pagination"],
  from: { readonly since: string; readonly facts: ReadonlySet<string> } | null = null,
): Promise<ReadResult> {
  await using server = await startHttpServer((request, response) => {
    const { data, next, body, headers } = answerOf(request, source);
    sendJson(response, { data, next, ...body }, headers ?? {});
  });
  const lower = from === null ? null : ({ type: "timestamp_utc", value: from.since } as const);
  const keys = {
    endpoint: server.origin,
    dataField: "data",
    key: "id",
    pagination,
    statePersistence: { timestamp, order: "ascending" },
  } as const;
  return await readOnce(keys, { window: { lower, upper: null } }, from?.facts);
}

describe("P15: a number of records that no setting declares, and an empty page below it", () => {
  test.each(
    Object.entries(paging).flatMap(([type, pagination]) =>
      Object.entries(tellers).map(([where, tell]) => ({ type, where, pagination, tell })),
    ),
  )("is reported where the read asked for everything: $type, $where", async ({ pagination, where, tell }) => {
    const source = { rows: rowsTo(9), tell, givenUpTo: 4 };
    const { error, messages, records } = await run(source, pagination);
    expect([error, records.length]).toEqual([null, 4]);
    expect(messages).toEqual([expect.stringMatching(/^MORE_PAGES_SHOWN: the read ended after 4 records/)]);
    expect(messages[0]).toContain(where);
    expect((await run({ ...source, givenUpTo: 9 }, pagination)).messages).toEqual([]);
  });

  test.each(Object.entries(paging))(
    "is no doubt where it counts what lies before the bound: %s",
    async (_type, pagination) => {
      const first = await run({ rows: rowsTo(9), tell: tellers.total, ofAll: true }, pagination);
      const later = { rows: rowsTo(12), tell: tellers.total, ofAll: true };
      const second = await run(later, pagination, { since: at(8), facts: first.facts });
      const third = await run(later, pagination, { since: at(11), facts: second.facts });
      expect([first, second, third].map(({ messages }) => messages)).toEqual([[], [], []]);
    },
  );

  test.each(Object.entries(paging))(
    "is told under a bound too, once it was seen to count what lies within: %s",
    async (_type, pagination) => {
      const first = await run({ rows: rowsTo(9), tell: tellers.total }, pagination);
      const second = await run({ rows: rowsTo(12), tell: tellers.total }, pagination, {
        since: at(8),
        facts: first.facts,
      });
      expect([first.messages, second.messages]).toEqual([[], []]);
      const broken = { rows: rowsTo(20), tell: tellers.total, givenUpTo: 15 };
      const third = await run(broken, pagination, { since: at(11), facts: second.facts });
      expect(third.messages).toEqual([
        expect.stringMatching(/^MORE_PAGES_SHOWN: the read ended after 4 records/),
      ]);
    },
  );

  test("is no warning where a flag next to the records says that this is the end", async () => {
    const tell = (total: number): Told => ({ body: { total, has_more: false } });
    const { messages } = await run({ rows: rowsTo(9), tell, givenUpTo: 4 }, paging.cursor);
    expect(messages).toEqual([]);
  });

  test.each([
    ["behind a short one", 3, /^MORE_PAGES_SHOWN: the read ended after 3 records/],
    ["behind pages that may be full, by one warning", 4, /^END_UNCONFIRMED: behind pages of 2 records each/],
  ])("is reported where the source refuses a page, %s", async (_what, count, told) => {
    await using server = await startHttpServer(({ url }, response) => {
      const page = Number(url.searchParams.get("page"));
      if (page > 2) response.writeHead(404).end("{}");
      else sendJson(response, { data: rowsTo(count).slice(2 * (page - 1), 2 * page), total: 50 });
    });
    const { error, messages } = await readOnce({
      endpoint: server.origin,
      dataField: "data",
      key: "id",
      pagination: { ...paging.page, limit: 3 },
    });
    expect([error, messages]).toEqual([null, [expect.stringMatching(told)]]);
  });
});

describe("P15: a status in place of a page", () => {
  const read = async (end: "empty" | 404, facts?: ReadonlySet<string>): Promise<ReadResult> => {
    await using server = await startHttpServer(({ url }, response) => {
      const page = Number(url.searchParams.get("page"));
      if (page <= 2) sendJson(response, { data: rowsTo(page === 1 ? 2 : 1) });
      else if (end === "empty") sendJson(response, { data: [] });
      else response.writeHead(end).end("{}");
    });
    return await readOnce({ endpoint: server.origin, dataField: "data", pagination: paging.page }, {}, facts);
  };

  test("is a warning behind a short page, where earlier reads ended with an empty one", async () => {
    const first = await read("empty");
    const second = await read(404, first.facts);
    expect([first.messages, second.error]).toEqual([[], null]);
    expect(second.messages).toEqual([expect.stringMatching(/^END_UNCONFIRMED: .*status 404.*endStatuses/)]);
  });

  test("is the end where the source has always ended so", async () => {
    const first = await read(404);
    expect((await read(404, first.facts)).messages).toEqual([]);
  });
});
