import { expect, it } from "vitest";
import { linesOf, numberOf, refused, serve } from "./support/example-requests.ts";
import { createFolder, examplePath, openDatabase, runExample, tidemark } from "./support/example-run.ts";
import { minute, range } from "./support/example-source.ts";

it("filters.yaml keeps, removes, sets, maps and multiplies records", async () => {
  const line = (text: string, amount: number) => ({ text, amount });
  const payments = [
    {
      id: 1,
      amount: 30,
      state: "booked",
      currency: " usd ",
      card: "4111",
      lines: [line("a", 10), line("b", 20)],
    },
    { id: 2, amount: 5, state: "pending", currency: "EUR", card: "4222", lines: [line("c", 5)] },
    { id: 3, amount: 7, state: "booked", card: "4333", session: { token: "t" }, lines: [line("d", 7)] },
    { id: 4, amount: 9, state: "booked", currency: "EUR", card: "4444", lines: [] },
  ];
  const source = await serve(() => ({
    json: JSON.stringify({ payments: payments.map((payment) => ({ payment })) }),
  }));
  const folder = await createFolder();
  const summary = await runExample(folder, "filters.yaml", { BANK_URL: source.origin });
  expect(summary).toMatchObject({ records_read: 4, records_written: 3 });
  expect(await linesOf(folder, "payment-lines.jsonl")).toEqual([
    { payment: 1, line: 1, text: "a", amount: 10, currency: "USD", source: "bank" },
    { payment: 1, line: 2, text: "b", amount: 20, currency: "USD", source: "bank" },
    { payment: 3, line: 1, text: "d", amount: 7, currency: "EUR", source: "bank" },
  ]);
});

it("output-http-request.yaml sends each contact once, keeps the refused ones, and then only what changed", async () => {
  const contact = (id: number, minutes: number) => ({
    id,
    email: `c${id}@example.com`,
    first_name: "C",
    last_name: String(id),
    account: { id: 9 },
    updated_at: minute(minutes),
  });
  const contacts = range(1, 120).map((id) => ({ ...contact(id, id), ...(id === 1 ? { score: 0.5 } : {}) }));
  const source = await serve((request) => {
    if (request.headers.authorization !== "Bearer crm-token") return refused;
    const since = Date.parse(request.url.searchParams.get("updated_since") ?? minute(0));
    const matching = contacts.filter(({ updated_at }) => Date.parse(updated_at) >= since);
    const first = Number(request.url.searchParams.get("page_token") ?? "0");
    const end = first + numberOf(request, "limit");
    const next = end < matching.length ? String(end) : null;
    return { json: JSON.stringify({ contacts: matching.slice(first, end), next }) };
  });
  const target = await serve(({ headers, url }) => {
    if (headers["x-api-key"] !== "mail-key") return refused;
    return url.pathname.endsWith("/7")
      ? { status: 422, json: '{"error":"no such mailbox"}' }
      : { json: "{}" };
  });
  const folder = await createFolder();
  const variables = {
    CRM_URL: source.origin,
    MAIL_URL: target.origin,
    CRM_TOKEN: "crm-token",
    MAIL_KEY: "mail-key",
  };
  const first = await runExample(folder, "output-http-request.yaml", variables);
  expect(first).toMatchObject({
    records_read: 120,
    records_written: 119,
    warnings: [{ code: "RECORDS_DEAD_LETTERED", count: 1 }],
  });
  const paths = target.requests.map(({ url }) => url.pathname);
  expect(paths.toSorted()).toEqual(
    range(1, 120)
      .map((id) => `/v1/subscribers/${id}`)
      .toSorted(),
  );
  const sent = target.requests.find(({ url }) => url.pathname === "/v1/subscribers/1");
  expect(sent).toMatchObject({ method: "PUT", headers: { "x-tenant": "tenant-9" } });
  expect(JSON.parse(sent?.body ?? "")).toEqual({
    email: "c1@example.com",
    name: "C 1",
    score: 0.5,
    changed: minute(1),
    source: "crm",
  });
  expect(new Set(target.requests.map(({ headers }) => headers["idempotency-key"])).size).toBe(120);
  expect(await linesOf(folder, "refused-contacts.jsonl")).toMatchObject([
    { connector: "crm_to_mail", stream: "contacts", status: 422, record: { id: 7 } },
  ]);

  contacts.push(contact(121, 120));
  contacts.push(contact(3, 130));
  const second = await runExample(folder, "output-http-request.yaml", variables);
  expect(second).toMatchObject({ records_written: 2, warnings: [] });
  expect(target.requests).toHaveLength(122);
});

it("reference-http.yaml asks by the timestamp and the id of the last run", async () => {
  const events = range(1, 20).map((id) => ({
    event: { id, timestamp: minute(Math.ceil(id / 4)), kind: "made" },
  }));
  const source = await serve(({ url }) => {
    const after = Date.parse(url.searchParams.get("updated_after") ?? "1970-01-01T00:00:00Z");
    const afterId = Number(url.searchParams.get("after_id") ?? "0");
    const matching = events.filter(({ event }) => {
      const at = Date.parse(event.timestamp);
      return at > after || (at === after && event.id > afterId);
    });
    return { json: JSON.stringify({ events: matching }) };
  });
  const folder = await createFolder();
  const variables = { SOURCE_URL: source.origin };
  expect(await runExample(folder, "reference-http.yaml", variables)).toMatchObject({ records_written: 20 });

  events.push({ event: { id: 21, timestamp: minute(5), kind: "made" } });
  events.push({ event: { id: 2, timestamp: minute(6), kind: "changed" } });
  expect(await runExample(folder, "reference-http.yaml", variables)).toMatchObject({ records_written: 2 });
  expect(source.requests.at(-1)?.url.searchParams.has("after_id")).toBe(true);

  const database = openDatabase(folder, "events.db");
  expect(database.prepare("SELECT count(*) AS rows FROM events").get()).toEqual({ rows: 21 });
  expect(database.prepare("SELECT kind FROM events WHERE id = 2").get()).toEqual({ kind: "changed" });
});

it("http-streams.yaml keeps a table for each stream of an API, and goes on where each of them was", async () => {
  const row = (id: number, minutes: number) => ({ id, card: "4111", updated_at: minute(minutes) });
  const data = {
    "/v2/orders": range(1, 5).map((id) => row(id, id)),
    "/v2/crm/customers": range(1, 3).map((id) => row(id, id)),
    "/v2/countries": ["DE", "NL"].map((code) => ({ code })),
    "/v2/refunds": range(1, 2).map((id) => row(id, id)),
  };
  const source = await serve(({ headers, url }) => {
    const records = Object.entries(data).find(([path]) => path === url.pathname)?.[1];
    if (headers.authorization !== "Bearer shop-token" || records === undefined) return refused;
    const since = Date.parse(url.searchParams.get("updated_since") ?? minute(0));
    const matching = records.filter(
      (record) => !("updated_at" in record) || Date.parse(record.updated_at) > since,
    );
    const first = Number(url.searchParams.get("page_token") ?? "0");
    const next = first + 2 < matching.length ? String(first + 2) : null;
    const list = url.pathname.endsWith("/customers") ? "customers" : "data";
    return { json: JSON.stringify({ [list]: matching.slice(first, first + 2), next }) };
  });
  const folder = await createFolder();
  const run = async () => {
    const words = ["run", examplePath("http-streams.yaml"), "--json"];
    const { code, stdout } = await tidemark(folder, words, {
      SHOP_URL: source.origin,
      SHOP_TOKEN: "shop-token",
    });
    return { code, summary: JSON.parse(stdout) };
  };
  const first = await run();
  expect(first).toMatchObject({ code: 0, summary: { pipeline: "shop", completed: 4, records_written: 12 } });
  const database = openDatabase(folder, "shop-streams.db");
  const count = (table: string) => database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.rows;
  const counts = () => ["orders", "customers", "countries", "refunds"].map((name) => count(`shop_${name}`));
  expect(counts()).toEqual([5, 3, 2, 2]);
  expect(database.prepare("SELECT * FROM shop_refunds LIMIT 1").get()).not.toHaveProperty("card");

  data["/v2/orders"].push(row(6, 6));
  const { summary } = await run();
  expect(summary.streams).toMatchObject([
    { stream: "orders", records_written: 1 },
    { stream: "customers", records_written: 0 },
    { stream: "countries", records_written: 2 },
    { stream: "refunds", records_written: 0 },
  ]);
  expect(counts()).toEqual([6, 3, 2, 2]);
});

it("every example is valid, and all of them can be run side by side", async () => {
  const variables = {
    SHOP_TOKEN: "token",
    SENSORS_KEY: "key-1",
    LEDGER_CLIENT_ID: "id-1",
    LEDGER_CLIENT_SECRET: "secret",
    FORGE_PASSWORD: "password",
    HELPDESK_KEY: "key-2",
    CRM_TOKEN: "token",
    LOG_TOKEN: "token",
    MAIL_KEY: "key-2",
    SEARCH_KEY: "key-4",
    SF_CLIENT_ID: "client",
    SF_CLIENT_SECRET: "secret-4",
    METERS_KEY: "key-3",
    FORGE_TOKEN: "token",
    FEED_TOKEN: "token",
    CRM_DATABASE_URL: "postgres://crm.example.com/crm",
    ORDERS_DATABASE_URL: "postgres://orders.example.com/orders",
    SHOP_DATABASE_URL: "postgres://shop.example.com/shop",
    WAREHOUSE_URL: "postgres://warehouse.example.com/warehouse",
    SOURCE_DATABASE_URL: "postgres://source.example.com/source",
  };
  const words = ["validate", examplePath("."), examplePath("quickstart/earthquakes.yaml")];
  const { code, stdout, stderr } = await tidemark(await createFolder(), words, variables);
  expect({ code, told: `${stdout}${stderr}` }).toMatchObject({ code: 0 });
});

it("module-input.yaml reads by a connector in code, and goes on behind its cursor", async () => {
  const changes = range(1, 120).map((seq) => ({ seq, name: `change ${seq}` }));
  const source = await serve((request) => {
    if (request.headers.authorization !== "Bearer log-token") return refused;
    const matching = changes.filter(({ seq }) => seq > numberOf(request, "after"));
    const page = matching.slice(0, numberOf(request, "limit"));
    return { json: JSON.stringify({ changes: page, more: matching.length > page.length }) };
  });
  const folder = await createFolder();
  const variables = { LOG_URL: source.origin, LOG_TOKEN: "log-token" };
  const first = await runExample(folder, "module-input.yaml", variables);
  expect(first).toMatchObject({ records_written: 120, new_cursor: "120" });

  changes.push({ seq: 121, name: "change 121" });
  const second = await runExample(folder, "module-input.yaml", variables);
  expect(second).toMatchObject({ records_written: 1, lower_bound: "120", new_cursor: "121" });
  expect(source.requests.map(({ url }) => url.search)).toEqual([
    "?after=0&limit=50",
    "?after=50&limit=50",
    "?after=100&limit=50",
    "?after=120&limit=50",
  ]);
  const rows = openDatabase(folder, "changes.db").prepare("SELECT seq FROM changes ORDER BY seq").all();
  expect(rows.map(({ seq }) => seq)).toEqual(range(1, 121));
});

it("module-output.yaml appends each order to a log by an output in code, and an order that changed once more", async () => {
  const orders = range(1, 7).map((id) => ({ id, total: id * 10, updated_at: minute(id) }));
  const source = await serve(({ url }) => {
    const since = Date.parse(url.searchParams.get("updated_since") ?? minute(0));
    const first = Number(url.searchParams.get("page_token") ?? "0");
    const matching = orders.filter(({ updated_at }) => Date.parse(updated_at) >= since);
    const next = first + 3 < matching.length ? String(first + 3) : null;
    return { json: JSON.stringify({ orders: matching.slice(first, first + 3), next }) };
  });
  const folder = await createFolder();
  const variables = { SHOP_URL: source.origin };
  expect(await runExample(folder, "module-output.yaml", variables)).toMatchObject({ records_written: 7 });

  orders.splice(1, 1, { id: 2, total: 0, updated_at: minute(9) });
  expect(await runExample(folder, "module-output.yaml", variables)).toMatchObject({ records_written: 1 });
  const log = openDatabase(folder, "shop-log.db").prepare("SELECT record ->> 'id' AS id FROM log").all();
  expect(log.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 2]);
});
