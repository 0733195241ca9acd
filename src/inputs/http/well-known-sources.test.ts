import { describe, expect, test } from "vitest";
import { type HttpPollingKeys, readOnce } from "../../../test/support/http-polling.ts";
import { type HttpTestServer, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { type Source, size, sources } from "../../../test/support/well-known-sources.ts";

/** A source of so many records, whose pages are asked for by a number or by where they begin. */
async function start({ write }: Source, total: number): Promise<HttpTestServer> {
  const all = Array.from({ length: total }, (_, at) => ({ id: `r${at + 1}` }));
  return await startHttpServer(({ url }, response) => {
    const number = url.searchParams.get("page");
    const from =
      number === null
        ? Number(/\d+/.exec(url.searchParams.get("at") ?? "")?.[0] ?? 0)
        : (Number(number) - 1) * size;
    const next = from + size < total ? from + size : null;
    const path = `${url.pathname}?at=${from + size}`;
    const part = {
      rows: all.slice(from, from + size),
      next,
      from,
      total,
      path,
      url: new URL(path, url).href,
    };
    const { body, headers } = write(part);
    sendJson(response, body, headers ?? {});
  });
}

const keysOf = ({ dataField }: Source): Partial<HttpPollingKeys> => ({
  key: "id",
  ...(dataField === undefined ? {} : { dataField }),
});

describe.each(Object.entries(sources))("P15: a source that pages as %s does", (_name, source) => {
  test.skipIf(source.pagination === null)(
    "is read whole and without a doubt, if that is declared",
    async () => {
      const pagination = source.pagination ?? undefined;
      let facts: ReadonlySet<string> = new Set();
      // One page and a part, full pages only, one page alone, and nothing.
      for (const total of [7, 6, 2, 0]) {
        await using server = await start(source, total);
        const result = await readOnce({ endpoint: server.origin, pagination, ...keysOf(source) }, {}, facts);
        expect([
          result.error,
          result.records.length,
          result.messages.filter((text) => !isOfFullPage(text)),
        ]).toEqual([null, total, []]);
        facts = result.facts;
      }
    },
  );

  test("is not taken to be read whole, if nothing is declared, and is where it fits on one page", async () => {
    await using server = await start(source, 7);
    const part = await readOnce({ endpoint: server.origin, ...keysOf(source) });
    expect(part.warnings).toEqual(["MORE_PAGES_SHOWN"]);
    await using small = await start(source, 2);
    expect((await readOnce({ endpoint: small.origin, ...keysOf(source) })).warnings).toEqual([]);
  });

  test.each([
    [
      "a path to a token that it does not have",
      { type: "cursor", param: "at", nextCursorField: "nowhere.token", limit: 9 },
    ],
    ["a path to an address that it does not have", { type: "link", nextCursorField: "nowhere.url" }],
  ] as const)("fails or warns, if what is declared is %s", async (_what, pagination) => {
    await using server = await start(source, 7);
    const { error, warnings } = await readOnce({ endpoint: server.origin, pagination, ...keysOf(source) });
    expect(error !== null || warnings.length > 0).toBe(true);
  });
});

/** A token that is absent behind a full page is told, since one page in so many is full by chance. */
function isOfFullPage(message: string): boolean {
  return message.startsWith("NEXT_PAGE_ABSENT: a full page");
}
