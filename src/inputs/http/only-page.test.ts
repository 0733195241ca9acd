import { expect, test } from "vitest";
import { type HttpPollingKeys, readOnce } from "../../../test/support/http-polling.ts";
import { sendJson, startHttpServer } from "../../../test/support/http-server.ts";

const statePersistence = { id: { field: "id", queryParam: "after" } } as const;

/** What a read without `pagination` warns of, where the source gives so many records. */
async function warningsOf(
  count: number,
  query: string,
  keys: Partial<HttpPollingKeys> = {},
): Promise<string[]> {
  await using server = await startHttpServer((_request, response) =>
    sendJson(
      response,
      Array.from({ length: count }, (_, id) => ({ id })),
    ),
  );
  const { messages } = await readOnce({
    endpoint: `${server.origin}/items${query}`,
    statePersistence,
    ...keys,
  });
  return messages;
}

test.each(["limit", "per_page", "pageSize", "$top", "maxResults", "page[size]", "rows"])(
  "P15: one request that brings as many records as `%s` asks for is no proof that these are all",
  async (name) => {
    const query = `?${encodeURIComponent(name)}=5`;
    expect(await warningsOf(5, query)).toEqual([
      expect.stringMatching(/^MORE_PAGES_SHOWN: no `pagination` is declared.* has the 5 records that /),
    ]);
    expect(await warningsOf(4, query)).toEqual([]);
    expect(await warningsOf(5, "", { queryParams: { [name]: 5 } })).toHaveLength(1);
  },
);

test("as many as a parameter says that asks for something else are, and so are those of a stream without a cursor", async () => {
  expect(await warningsOf(5, "?year=5")).toEqual([]);
  expect(await warningsOf(1, "?limit=1")).toEqual([]);
  expect(await warningsOf(5, "?limit=5", { statePersistence: {} })).toEqual([]);
});
