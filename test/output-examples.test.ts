import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createFolder, runExample } from "./support/example-run.ts";
import {
  minute,
  range,
  type Source,
  type SourceAnswer,
  type SourceRequest,
  startSource,
} from "./support/example-source.ts";

async function serve(answer: (request: SourceRequest) => SourceAnswer): Promise<Source> {
  const source = await startSource(answer);
  onTestFinished(() => source[Symbol.asyncDispose]());
  return source;
}

/** A shop that gives a list in pages, and only what was updated since. */
function serveShop(field: string, count: number): Promise<Source> {
  const all = range(1, count).map((id) => ({ id, name: `N${id}`, updated_at: minute(id) }));
  return serve(({ url }) => {
    const since = Date.parse(url.searchParams.get("updated_since") ?? minute(0));
    const matching = all.filter(({ updated_at }) => Date.parse(updated_at) >= since);
    const first = Number(url.searchParams.get("page_token") ?? "0");
    const end = first + Number(url.searchParams.get("limit"));
    const next = end < matching.length ? String(end) : null;
    return { json: JSON.stringify({ [field]: matching.slice(first, end), next }) };
  });
}

async function lettersIn(folder: string, file: string): Promise<unknown[]> {
  const lines = (await readFile(join(folder, file), "utf8")).trimEnd().split("\n");
  return lines.map((line): unknown => JSON.parse(line));
}

it("output-elasticsearch.yaml sends again what is limited, keeps what is refused, and indexes the rest once", async () => {
  const shop = await serveShop("orders", 620);
  const indexed: number[] = [];
  const limited = new Set<number>();
  const search = await serve(({ headers, body = "" }) => {
    if (headers.authorization !== "ApiKey search-key") return { status: 401, json: "{}" };
    const ids = [...body.matchAll(/"_id":(\d+)/g)].map(([, id]) => Number(id));
    const items = ids.map((id) => {
      if (id === 7) return { index: { status: 400, error: { reason: "failed to parse field" } } };
      if (id % 100 === 0 && !limited.has(id)) {
        limited.add(id);
        return { index: { status: 429, error: { reason: "rejected execution" } } };
      }
      indexed.push(id);
      return { index: { status: 201 } };
    });
    return { json: JSON.stringify({ errors: items.some(({ index }) => index.status !== 201), items }) };
  });
  const folder = await createFolder();
  const variables = {
    SHOP_URL: shop.origin,
    SHOP_TOKEN: "t",
    SEARCH_URL: search.origin,
    SEARCH_KEY: "search-key",
  };
  expect(await runExample(folder, "output-elasticsearch.yaml", variables)).toMatchObject({
    records_read: 620,
    records_written: 619,
    warnings: [{ code: "RECORDS_DEAD_LETTERED", count: 1 }],
  });
  expect(indexed.toSorted((a, b) => a - b)).toEqual(range(1, 620).filter((id) => id !== 7));
  expect(search.requests.length).toBe(4);
  expect(search.requests[0]?.body).toMatch(
    /^\{"index":\{"_index":"orders","_id":1\}\}\n\{"id":1,"name":"N1",/,
  );
  expect(await lettersIn(folder, "refused-orders.jsonl")).toMatchObject([
    { record: { id: 7 }, status: 200, reason: expect.stringContaining("failed to parse field") },
  ]);
});

it("output-salesforce.yaml judges each customer by its own result", async () => {
  const shop = await serveShop("customers", 230);
  const salesforce = await serve(({ url, headers, body = "" }) => {
    if (url.pathname.endsWith("/token")) return { json: '{"access_token":"sf-token"}' };
    if (headers.authorization !== "Bearer sf-token") return { status: 401, json: "{}" };
    const sent: unknown[] = JSON.parse(body).records;
    const results = sent.map((record) =>
      JSON.stringify(record).includes('"Shop_Id__c":9,')
        ? { success: false, errors: [{ statusCode: "DUPLICATE_VALUE", message: "duplicate value found" }] }
        : { success: true, errors: [] },
    );
    return { json: JSON.stringify(results) };
  });
  const folder = await createFolder();
  const variables = {
    SHOP_URL: shop.origin,
    SHOP_TOKEN: "t",
    SF_URL: salesforce.origin,
    SF_CLIENT_ID: "id",
    SF_CLIENT_SECRET: "sf-secret-1",
  };
  expect(await runExample(folder, "output-salesforce.yaml", variables)).toMatchObject({
    records_read: 230,
    records_written: 229,
    warnings: [{ code: "RECORDS_DEAD_LETTERED", count: 1 }],
  });
  const [, first] = salesforce.requests;
  expect(JSON.parse(first?.body ?? "")).toMatchObject({
    allOrNone: false,
    records: expect.arrayContaining([{ attributes: { type: "Account" }, Shop_Id__c: 1, Name: "N1" }]),
  });
  expect(await lettersIn(folder, "refused-customers.jsonl")).toMatchObject([
    { record: { id: 9 }, reason: expect.stringContaining("duplicate value found") },
  ]);
});
