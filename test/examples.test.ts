import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createFolder, examplePath, openDatabase, runExample, tidemark } from "./support/example-run.ts";
import {
  minute,
  range,
  type Source,
  type SourceAnswer,
  type SourceRequest,
  startSource,
} from "./support/example-source.ts";

const refused: SourceAnswer = { status: 401, json: '{"error":"no"}' };

async function serve(answer: (request: SourceRequest) => SourceAnswer): Promise<Source> {
  const source = await startSource(answer);
  onTestFinished(() => source[Symbol.asyncDispose]());
  return source;
}

function numberOf(request: SourceRequest, name: string): number {
  return Number(request.url.searchParams.get(name));
}

async function linesOf(folder: string, file: string): Promise<unknown[]> {
  const text = await readFile(join(folder, file), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

it("http-page.yaml fetches pages by number with a bearer token, then only what was updated", async () => {
  const orders = range(1, 230).map((id) => ({ id, total: id * 10, updated_at: minute(id) }));
  const source = await serve((request) => {
    if (request.headers.authorization !== "Bearer shop-token") return refused;
    const since = Date.parse(request.url.searchParams.get("updated_since") ?? minute(0));
    const matching = orders.filter(({ updated_at }) => Date.parse(updated_at) >= since);
    const size = numberOf(request, "per_page");
    const first = (numberOf(request, "page") - 1) * size;
    const page = { orders: matching.slice(first, first + size), pages: Math.ceil(matching.length / size) };
    return { json: JSON.stringify({ data: page }) };
  });
  const folder = await createFolder();
  const variables = { SHOP_URL: source.origin, SHOP_TOKEN: "shop-token" };
  expect(await runExample(folder, "http-page.yaml", variables)).toMatchObject({
    records_written: 230,
    pages: 3,
  });

  orders.push({ id: 231, total: 1, updated_at: minute(230) });
  orders.splice(6, 1, { id: 7, total: 0, updated_at: minute(240) });
  expect(await runExample(folder, "http-page.yaml", variables)).toMatchObject({
    records_written: 2,
    pages: 1,
  });

  const database = openDatabase(folder, "shop.db");
  expect(database.prepare("SELECT count(*) AS rows FROM orders").get()).toEqual({ rows: 231 });
  expect(database.prepare("SELECT total FROM orders WHERE id = 7").get()).toEqual({ total: 0 });
});

it("http-offset.yaml fetches a window by offset with an API key, and adds each record to a file once", async () => {
  const start = Date.UTC(2026, 0, 1) / 1000;
  const measurements = range(1, 240).map((n) => ({ sensor: "a", at: start + n * 60, value: n / 10 }));
  const source = await serve((request) => {
    if (request.headers["x-api-key"] !== "sensors-key") return refused;
    const to = numberOf(request, "to");
    const matching = measurements.filter(({ at }) => at > numberOf(request, "from") && at <= to);
    const first = numberOf(request, "offset");
    const items = matching.slice(first, first + numberOf(request, "limit"));
    return { json: JSON.stringify({ items, total: matching.length }) };
  });
  const folder = await createFolder();
  const variables = { SENSORS_URL: source.origin, SENSORS_KEY: "sensors-key" };
  const first = await runExample(folder, "http-offset.yaml", variables);
  expect(first).toMatchObject({ records_written: 240, pages: 3 });

  const tied = { sensor: "b", at: start + 240 * 60, value: 0 };
  measurements.push(tied, { sensor: "a", at: start + 241 * 60, value: 1 });
  const second = await runExample(folder, "http-offset.yaml", variables);
  expect(second).toMatchObject({ records_read: 3, records_written: 2 });

  const lines = (await readFile(join(folder, "measurements.csv"), "utf8")).split("\n");
  expect(lines.slice(0, 2)).toEqual(["sensor,at,value", `a,${start + 60},0.1`]);
  expect(lines).toHaveLength(244);
  expect(lines.slice(1, -1)).toEqual(measurements.map(({ sensor, at, value }) => `${sensor},${at},${value}`));
});

it("http-cursor.yaml follows page tokens with OAuth2, and keeps ids past 2^53 to the last digit", async () => {
  const entries = range(1, 250).map((n) => 9_007_199_254_740_993n + BigInt(n));
  const source = await serve((request) => {
    if (request.url.pathname === "/oauth/token") {
      const { form } = request;
      const known = form.get("client_id") === "id-1" && form.get("client_secret") === "ledger-secret";
      return known
        ? { json: '{"access_token":"ledger-token","token_type":"Bearer","expires_in":60}' }
        : refused;
    }
    if (request.headers.authorization !== "Bearer ledger-token") return refused;
    const after = BigInt(request.url.searchParams.get("after_id") ?? "0");
    const matching = entries.filter((id) => id > after);
    const token = Buffer.from(request.url.searchParams.get("cursor") ?? "", "base64url").toString();
    const first = Number(token);
    const next = first + numberOf(request, "limit");
    const list = matching.slice(first, next).map((id) => `{"id":${id},"text":"entry ${id}"}`);
    const cursor = next < matching.length ? `"${Buffer.from(String(next)).toString("base64url")}"` : "null";
    return { json: `{"entries":[${list.join(",")}],"next":${cursor}}` };
  });
  const folder = await createFolder();
  const variables = {
    LEDGER_URL: source.origin,
    LEDGER_CLIENT_ID: "id-1",
    LEDGER_CLIENT_SECRET: "ledger-secret",
  };
  const first = await runExample(folder, "http-cursor.yaml", variables);
  expect(first).toMatchObject({ records_written: 250, pages: 3, new_cursor: "9007199254741243" });

  entries.push(9_007_199_254_741_244n, 9_007_199_254_741_245n);
  const second = await runExample(folder, "http-cursor.yaml", variables);
  expect(second).toMatchObject({ records_written: 2, new_cursor: "9007199254741245" });

  const rows = openDatabase(folder, "ledger.db")
    .prepare("SELECT CAST(id AS TEXT) AS id FROM entries ORDER BY id")
    .all();
  expect(rows.map(({ id }) => id)).toEqual(entries.map(String));
});

it("http-link.yaml follows the Link header with a name and a password, and prints what changed", async () => {
  const issues = range(1, 250).map((number) => ({ number, updated_at: minute(number) }));
  const source = await serve((request) => {
    const expected = `Basic ${Buffer.from("reader:forge-password").toString("base64")}`;
    if (request.headers.authorization !== expected) return refused;
    const { url } = request;
    const since = Date.parse(url.searchParams.get("since") ?? "1970-01-01T00:00:00Z");
    const matching = issues.filter(({ updated_at }) => Date.parse(updated_at) > since);
    const page = Number(url.searchParams.get("page") ?? "1");
    const size = numberOf(request, "per_page");
    const next = new URL(url);
    next.searchParams.set("page", String(page + 1));
    const more = page * size < matching.length;
    return {
      json: JSON.stringify(matching.slice((page - 1) * size, page * size)),
      ...(more ? { headers: { link: `<${next.href}>; rel="next"` } } : {}),
    };
  });
  const folder = await createFolder();
  const variables = { FORGE_URL: source.origin, FORGE_PASSWORD: "forge-password" };
  const run = async () => {
    const { code, stdout, stderr } = await tidemark(
      folder,
      ["run", examplePath("http-link.yaml")],
      variables,
    );
    expect(stderr).not.toContain("forge-password");
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line): unknown => JSON.parse(line));
  };
  expect(await run()).toEqual(issues);
  expect(source.requests).toHaveLength(3);

  issues.push({ number: 251, updated_at: minute(250) }, { number: 3, updated_at: minute(300) });
  expect(await run()).toEqual(issues.slice(-2));
});

it("P6: http-seek.yaml loses nothing to tickets that change while it reads, in crowds of any size", async () => {
  const second = (number: number) =>
    new Date(Date.UTC(2026, 0, 1, 0, 0, number)).toISOString().replace(".000", "");
  // Of the 330 tickets the third to the 252nd were changed in one second, more than two pages of them.
  const tickets = range(1, 330).map((id) => {
    const at = id < 3 ? id : id <= 252 ? 3 : id;
    return { id, state: "new", updated_at: second(at) };
  });
  const change = (id: number, at: number) => {
    const index = tickets.findIndex((ticket) => ticket.id === id);
    tickets.push(
      ...tickets.splice(index, 1).map((ticket) => ({ ...ticket, state: "open", updated_at: second(at) })),
    );
  };
  let requests = 0;
  const source = await serve(({ url }) => {
    if (url.searchParams.get("api_key") !== "helpdesk-key") return refused;
    requests += 1;
    // One of the crowd, one behind it, and one read long ago are changed while pages are asked for.
    if (requests === 3) change(20, 400);
    if (requests === 5) change(300, 401);
    if (requests === 6) change(1, 402);
    const since = url.searchParams.get("updated_since") ?? "";
    const skip = Number(url.searchParams.get("skip") ?? "0");
    const matching = tickets.filter(({ updated_at }) => updated_at >= since);
    return {
      json: JSON.stringify({ tickets: matching.slice(skip, skip + Number(url.searchParams.get("limit"))) }),
    };
  });
  const folder = await createFolder();
  const variables = { HELPDESK_URL: source.origin, HELPDESK_KEY: "helpdesk-key" };
  const first = await runExample(folder, "http-seek.yaml", variables);
  expect(first).toMatchObject({ new_cursor: second(402), warnings: [] });
  expect(source.requests.filter(({ url }) => url.searchParams.has("skip"))).not.toHaveLength(0);

  const rows = () =>
    openDatabase(folder, "helpdesk.db").prepare("SELECT id, state, updated_at FROM tickets").all();
  const byId = (a: { id?: unknown }, b: { id?: unknown }) => Number(a.id) - Number(b.id);
  const stored = () =>
    rows()
      .map((row) => ({ ...row }))
      .sort(byId);
  expect(stored()).toEqual(tickets.toSorted(byId));

  change(2, 402);
  expect(await runExample(folder, "http-seek.yaml", variables)).toMatchObject({ records_written: 1 });
  expect(stored()).toEqual(tickets.toSorted(byId));
});

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
