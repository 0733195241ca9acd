import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { numberOf, refused, serve } from "./support/example-requests.ts";
import { createFolder, examplePath, openDatabase, runExample, tidemark } from "./support/example-run.ts";
import { minute, range } from "./support/example-source.ts";

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
