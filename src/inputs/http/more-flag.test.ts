import { describe, expect, test } from "vitest";
import { readOnce } from "../../../test/support/http-polling.ts";
import { sendJson, startHttpServer } from "../../../test/support/http-server.ts";

/** Two pages by number, and then an empty one. */
function pages(more: (page: number) => object) {
  return startHttpServer((request, response) => {
    const page = Number(request.url.searchParams.get("page") ?? 1);
    sendJson(response, { list: page < 3 ? [{ id: page }] : [], meta: { size: 1 }, ...more(page) });
  });
}

const settings = { dataField: "list" };
const paging = { type: "page", param: "page" } as const;

describe("a flag that no answer has", () => {
  test("is reported by its name, with the keys that are there", async () => {
    await using server = await pages(() => ({ has_more: false }));
    for (const [hasMoreField, keys] of [
      ["hasmore", "its keys are list, meta, has_more"],
      ["meta.has_more", "its keys are size"],
    ] as const) {
      const pagination = { ...paging, hasMoreField };
      const read = await readOnce({ endpoint: server.origin, ...settings, pagination });
      expect([read.records.length, read.error]).toEqual([2, null]);
      expect(read.messages).toEqual([
        expect.stringMatching(`^HAS_MORE_ABSENT: \`${hasMoreField}\` \\(\`hasMoreField\`\\) .*; ${keys}\\.`),
      ]);
    }
  });

  test("warns of reads by token and offset too", async () => {
    await using server = await startHttpServer((request, response) => {
      const { searchParams } = request.url;
      const last = searchParams.has("t") || searchParams.get("skip") === "1";
      sendJson(response, {
        list: last && !searchParams.has("t") ? [] : [{ id: 1 }],
        next: last ? null : "b",
      });
    });
    const tokens = { type: "cursor", param: "t", nextCursorField: "next", hasMoreField: "more" } as const;
    const offsets = { type: "offset", param: "skip", hasMoreField: "more" } as const;
    for (const pagination of [tokens, offsets]) {
      const read = await readOnce({ endpoint: server.origin, ...settings, pagination });
      expect(read.warnings).toContain("HAS_MORE_ABSENT");
    }
  });

  test("warns no more once any answer of the stream had it", async () => {
    await using once = await pages((page) => (page === 1 ? { has_more: true } : {}));
    const pagination = { ...paging, hasMoreField: "has_more" };
    const first = await readOnce({ endpoint: once.origin, ...settings, pagination });
    expect(first.warnings).toEqual([]);
    await using never = await pages(() => ({}));
    const later = await readOnce({ endpoint: never.origin, ...settings, pagination }, {}, first.facts);
    expect(later.warnings).toEqual([]);
  });

  test("is no matter where there are no records", async () => {
    await using server = await startHttpServer((_request, response) => sendJson(response, { list: [] }));
    const pagination = { ...paging, hasMoreField: "has_more" };
    expect((await readOnce({ endpoint: server.origin, ...settings, pagination })).warnings).toEqual([]);
  });
});

test.each([
  [{ total: "20+" }, { totalField: "total" }, '`total` is "20+", and a whole number was expected'],
  [{ total: 1.5 }, { totalField: "total" }, "`total` is 1.5, and a whole number was expected"],
  [
    {},
    { totalField: "totals" },
    "the answer has no `totals`, where a whole number was expected; its keys are ",
  ],
  [
    { more: "perhaps" },
    { hasMoreField: "more" },
    '`more` is "perhaps", and `hasMoreField` takes true and false',
  ],
])("what is no total or flag is shown: %j", async (more, declared, message) => {
  await using server = await pages(() => more);
  const pagination = { ...paging, ...declared };
  const { error } = await readOnce({ endpoint: server.origin, ...settings, pagination });
  expect(error).toMatchObject({ code: "SOURCE_INVALID", message: expect.stringContaining(message) });
});
