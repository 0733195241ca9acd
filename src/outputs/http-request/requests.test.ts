import { createHmac } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { type HttpRequestKeys, writeOnce } from "../../../test/support/http-request.ts";
import { type HttpTestServer, startHttpServer } from "../../../test/support/http-server.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import type { SourceRecord } from "../../model/record.ts";

/** A server that takes everything. */
async function taking(): Promise<HttpTestServer> {
  const server = await startHttpServer((_, response) => {
    response.statusCode = 201;
    response.end();
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

/** The requests that one batch of records makes. */
async function requestsOf(
  keys: (origin: string) => HttpRequestKeys,
  records: readonly SourceRecord[],
  stream = "events",
) {
  const server = await taking();
  const result = await writeOnce(keys(server.origin), records, { stream });
  return { seen: server.seen, result, origin: server.origin };
}

const ids = (count: number): SourceRecord[] =>
  Array.from({ length: count }, (_, index) => ({ id: index + 1 }));

test("each record is a POST of its own, as JSON with every digit, in order", async () => {
  const records = [
    { id: new ExactNumber("9007199254740993"), name: "ä" },
    { id: 2, blob: Buffer.from("hi") },
  ];
  const { seen, result } = await requestsOf((origin) => ({ endpoint: `${origin}/items` }), records);
  expect(result).toMatchObject({ written: 2, error: null, warnings: [] });
  expect(seen.map(({ method, body }) => [method, body])).toEqual([
    ["POST", '{"id":9007199254740993,"name":"ä"}'],
    ["POST", '{"id":2,"blob":"aGk="}'],
  ]);
  expect(seen[0]?.headers["content-type"]).toBe("application/json");
});

test("a body is made by its template", async () => {
  const body = { type: "order", data: { ref: "{{ id }}", all: "{{ . }}", gone: "{{ gone }}" } };
  const { seen } = await requestsOf((origin) => ({ endpoint: origin, body }), [{ id: 1 }]);
  expect(seen[0]?.body).toBe('{"type":"order","data":{"ref":1,"all":{"id":1}}}');
});

test("a body of text is sent as it is, and any other value as JSON", async () => {
  const text = await requestsOf((origin) => ({ endpoint: origin, body: "order {{ id }}" }), [{ id: 1 }]);
  expect(text.seen[0]?.body).toBe("order 1");
  expect(text.seen[0]?.headers["content-type"]).toBe("text/plain; charset=utf-8");
  const keys = (origin: string): HttpRequestKeys => ({
    endpoint: origin,
    body: "{{ payload }}",
    headers: { "Content-Type": "application/vnd.acme+json" },
  });
  const json = await requestsOf(keys, [{ payload: { a: 1 } }, { payload: null }]);
  expect(json.seen.map(({ body }) => body)).toEqual(['{"a":1}', "null"]);
  expect(json.seen[0]?.headers["content-type"]).toBe("application/vnd.acme+json");
  const { result } = await requestsOf(keys, [{ id: 5 }]);
  expect(result.error).toMatchObject({
    code: "RECORD_INVALID",
    message:
      "the record with id 5 cannot be sent: the record has nothing at `{{ payload }}`, which is its body",
  });
});

test("values in the endpoint are percent-encoded and cannot leave their place", async () => {
  const { seen, result } = await requestsOf(
    (origin) => ({
      endpoint: `${origin}/customers/{{ id }}/notes?by={{ by }}&fixed=a%20b`,
      method: "PUT",
      queryParams: { tag: ["{{ tag }}", "x"], page: 1, gone: "{{ gone }}" },
    }),
    [{ id: "a/b?c#d&é", by: "x&y=z", tag: "t u+v" }],
  );
  expect(result.error).toBeNull();
  const { pathname, search, searchParams } = seen[0]?.url ?? new URL("http://none");
  expect(pathname).toBe("/customers/a%2Fb%3Fc%23d%26%C3%A9/notes");
  expect(searchParams.get("by")).toBe("x&y=z");
  expect(search).toContain("fixed=a%20b");
  expect(searchParams.getAll("tag")).toEqual(["t u+v", "x"]);
  expect(searchParams.has("gone")).toBe(false);
});

test.each([
  ["missing", {}, "has nothing there"],
  ["null", { id: null }, "has null there"],
  ["an object", { id: {} }, "has an object"],
  ["empty", { id: "" }, "an empty text"],
  ["a dot", { id: "." }, "`.` or `..`"],
  ["the folder above", { id: ".." }, "`.` or `..`"],
  ["half a character", { id: "\ud800" }, "half a character"],
])("a record whose value for the path is %s makes no request", async (_, record, message) => {
  for (const place of ["/customers/{{ id }}/notes", "/customers/{{ id }}"]) {
    const { seen, result } = await requestsOf((origin) => ({ endpoint: `${origin}${place}` }), [record]);
    expect(result.error).toMatchObject({ code: "RECORD_INVALID", message: expect.stringContaining(message) });
    expect(seen).toEqual([]);
  }
});

test("`%2e%2e` in a record stays what it is", async () => {
  const { seen } = await requestsOf((origin) => ({ endpoint: `${origin}/a/{{ id }}/b` }), [{ id: "%2e%2e" }]);
  expect(seen[0]?.url.pathname).toBe("/a/%252e%252e/b");
});

test("a header takes a value of the record, and never a second header", async () => {
  const keys = (origin: string): HttpRequestKeys => ({
    endpoint: origin,
    headers: {
      "X-Tenant": "tenant {{ tenant }}",
      "X-Ref": "{{ ref }}",
      "X-Fixed": "{{ nothing }}",
      "X-Same": 1,
    },
  });
  const { seen } = await requestsOf(keys, [{ tenant: 7, ref: "ü" }]);
  expect(seen[0]?.headers).toMatchObject({ "x-tenant": "tenant 7", "x-same": "1" });
  expect(seen[0]?.headers).not.toHaveProperty("x-fixed");
  expect(Buffer.from(String(seen[0]?.headers["x-ref"]), "latin1").toString("latin1")).toBe("ü");
  for (const tenant of ["a\r\nX-Evil: 1", "a\nb", "a\u0000", "日本"]) {
    const injected = await requestsOf(keys, [{ tenant }]);
    expect(injected.result.error).toMatchObject({
      code: "RECORD_INVALID",
      message: expect.stringContaining("the header `x-tenant` cannot hold"),
    });
    expect(injected.seen).toEqual([]);
  }
});

test("a value in a cookie cannot add another", async () => {
  const keys = (origin: string): HttpRequestKeys => ({
    endpoint: origin,
    headers: { Cookie: "shop={{ shop }}; lang=en" },
    onError: "skip",
  });
  const { seen, result } = await requestsOf(keys, [{ shop: "a" }, { shop: "a; admin=1" }]);
  expect(seen.map(({ headers }) => headers.cookie)).toEqual(["shop=a; lang=en"]);
  expect(result.warnings).toEqual([expect.stringContaining("a cookie cannot hold its value")]);
});

test("DELETE sends no body unless one is declared", async () => {
  const bare = await requestsOf(
    (origin) => ({ endpoint: `${origin}/items/{{ id }}`, method: "DELETE" }),
    [{ id: 4 }],
  );
  expect(bare.seen[0]).toMatchObject({ method: "DELETE", body: "" });
  expect(bare.seen[0]?.url.pathname).toBe("/items/4");
  expect(bare.seen[0]?.headers).not.toHaveProperty("content-type");
  const listed = await requestsOf(
    (origin) => ({ endpoint: origin, method: "DELETE", batch: { size: 10 }, body: "{{ id }}" }),
    ids(3),
  );
  expect(listed.seen[0]?.body).toBe("[1,2,3]");
});

test.each([
  ["array", "array", "application/json", ['[{"id":1},{"id":2}]', '[{"id":3}]']],
  ["ndjson", "ndjson", "application/x-ndjson", ['{"id":1}\n{"id":2}\n', '{"id":3}\n']],
  [
    "a field",
    { field: "data.items" },
    "application/json",
    ['{"data":{"items":[{"id":1},{"id":2}]}}', '{"data":{"items":[{"id":3}]}}'],
  ],
] as const)("a batch is sent as %s", async (_, bodyAs, type, bodies) => {
  const { seen, result } = await requestsOf(
    (origin) => ({ endpoint: origin, batch: { size: 2, bodyAs } }),
    ids(3),
  );
  expect(result.written).toBe(3);
  expect(seen.map(({ body }) => body)).toEqual(bodies);
  expect(seen[0]?.headers["content-type"]).toBe(type);
});

test("each record of a batch goes through the template", async () => {
  const { seen } = await requestsOf(
    (origin) => ({ endpoint: origin, batch: { size: 2 }, body: { n: "{{ id }}" } }),
    ids(2),
  );
  expect(seen[0]?.body).toBe('[{"n":1},{"n":2}]');
});

/** The idempotency keys of what one batch makes of a server; the same server, since addresses count. */
async function keysAt(
  server: HttpTestServer,
  records: readonly SourceRecord[],
  more: Partial<HttpRequestKeys> = {},
  stream = "events",
) {
  const before = server.seen.length;
  const { error } = await writeOnce({ endpoint: `${server.origin}/a`, ...more }, records, { stream });
  expect(error).toBeNull();
  return server.seen.slice(before).map(({ headers }) => headers["idempotency-key"]);
}

test("P1: the idempotency key is the same for the same content, and another for any other", async () => {
  const server = await taking();
  const exact = { id: 1, at: new ExactNumber("9007199254740993") };
  const [key] = await keysAt(server, [exact]);
  expect(key).toMatch(/^[\w-]{43}$/);
  expect(await keysAt(server, [{ at: exact.at, id: 1 }])).toEqual([key]);
  const others = [
    ...(await keysAt(server, [{ ...exact, at: new ExactNumber("9007199254740992") }])),
    ...(await keysAt(server, [exact], { method: "PUT" })),
    ...(await keysAt(server, [exact], { body: { n: "{{ id }}" } })),
    ...(await keysAt(server, [exact], { batch: { size: 5 } })),
    ...(await keysAt(server, [exact], {}, "others")),
    ...(await keysAt(server, [exact], { endpoint: `${server.origin}/b` })),
  ];
  expect(new Set([key, ...others]).size).toBe(7);
});

test("P1: batches of the same records have the same idempotency key, wherever they stand", async () => {
  const server = await taking();
  const batch = { batch: { size: 2 } };
  const whole = await keysAt(server, ids(4), batch);
  expect(new Set(whole).size).toBe(2);
  expect(await keysAt(server, ids(4).slice(2), batch)).toEqual(whole.slice(1));
  expect(await keysAt(server, ids(2).reverse(), batch)).not.toEqual(whole.slice(0, 1));
});

test("credentials are sent, and may change without another idempotency key", async () => {
  const server = await taking();
  const apiKey = { type: "apiKey", in: "query", name: "api_key", value: "key-of-before" } as const;
  const before = await keysAt(server, [{ id: 1 }], { authentication: apiKey });
  const now = await keysAt(server, [{ id: 1 }], {
    authentication: { type: "bearer", token: "token-of-now" },
  });
  expect(now).toEqual(before);
  expect(server.seen[0]?.url.searchParams.get("api_key")).toBe("key-of-before");
  expect(server.seen[1]?.headers.authorization).toBe("Bearer token-of-now");
});

test("the idempotency key's header can be named otherwise or left out", async () => {
  const named = await requestsOf(
    (origin) => ({ endpoint: origin, idempotencyHeader: "X-Request-Id" }),
    [{ id: 1 }],
  );
  expect(named.seen[0]?.headers["x-request-id"]).toMatch(/^[\w-]{43}$/);
  expect(named.seen[0]?.headers).not.toHaveProperty("idempotency-key");
  const none = await requestsOf((origin) => ({ endpoint: origin, idempotencyHeader: null }), [{ id: 1 }]);
  expect(none.seen[0]?.headers).not.toHaveProperty("idempotency-key");
});

test("P7: half of a surrogate pair is refused where a request holds text, and escaped in JSON", async () => {
  const records = [
    { id: 1, v: "whole 😀" },
    { id: 2, v: "half \ud83d" },
  ];
  const sent = async (more: Omit<HttpRequestKeys, "endpoint">) => {
    const { seen, result } = await requestsOf(
      (origin) => ({ endpoint: origin, onError: "skip", ...more }),
      records,
    );
    return { written: result.written, bodies: seen.map(({ body }) => body) };
  };
  expect(await sent({ body: "{{ v }}" })).toEqual({ written: 1, bodies: ["whole 😀"] });
  expect(await sent({ queryParams: { v: "{{ v }}" } })).toMatchObject({ written: 1 });
  expect((await sent({})).bodies[1]).toBe('{"id":2,"v":"half \\ud83d"}');
});

test("bodyAs lines: each record is as many lines as its body has elements", async () => {
  const { seen } = await requestsOf(
    (origin) => ({
      endpoint: origin,
      body: [{ index: { _id: "{{ id }}" } }, "{{ . }}"],
      batch: { size: 2, bodyAs: "lines" },
    }),
    ids(2),
  );
  expect(seen[0]?.body).toBe('{"index":{"_id":1}}\n{"id":1}\n{"index":{"_id":2}}\n{"id":2}\n');
  expect(seen[0]?.headers["content-type"]).toBe("application/x-ndjson");
});

test("bodyAs with: what is around the list is the same in every request", async () => {
  const bodyAs = { field: "data.rows", with: { typecast: true, data: { kind: "x" } } };
  const { seen } = await requestsOf((origin) => ({ endpoint: origin, batch: { size: 1, bodyAs } }), ids(2));
  expect(seen.map(({ body }) => JSON.parse(body))).toEqual([
    { typecast: true, data: { kind: "x", rows: [{ id: 1 }] } },
    { typecast: true, data: { kind: "x", rows: [{ id: 2 }] } },
  ]);
});

const formHeaders = { "Content-Type": "application/x-www-form-urlencoded" };

test("a form is made of the body's object, or of the record, each value percent-encoded", async () => {
  const record = { id: 1, name: "Smith & Sons=1", tags: ["a", "b"], address: { city: "Köln" } };
  const made = (keys: Partial<HttpRequestKeys>) =>
    requestsOf((origin) => ({ endpoint: origin, headers: formHeaders, ...keys }), [record]);
  const object = await made({ body: { name: "{{ name }}", ref: "{{ id }}", none: "{{ gone }}" } });
  expect(object.seen[0]?.body).toBe("name=Smith+%26+Sons%3D1&ref=1");
  expect(object.seen[0]?.headers["content-type"]).toBe("application/x-www-form-urlencoded");
  const text = await made({ body: "name={{ name }}&ref={{ id }}" });
  expect(text.seen[0]?.body).toBe("name=Smith+%26+Sons%3D1&ref=1");
  const whole = await made({ form: { lists: "repeat" } });
  expect(whole.seen[0]?.body).toBe("id=1&name=Smith+%26+Sons%3D1&tags=a&tags=b&address%5Bcity%5D=K%C3%B6ln");
  const one = await made({ body: "{{ address }}" });
  expect(one.seen[0]?.body).toBe("city=K%C3%B6ln");
});

test("what a form cannot hold is a failure of the record", async () => {
  const keys = (origin: string): HttpRequestKeys => ({
    endpoint: origin,
    headers: formHeaders,
    body: "{{ form }}",
    onError: "skip",
  });
  const { seen, result } = await requestsOf(keys, [
    { form: "a=1&admin=1" },
    { form: { a: "\ud800" } },
    { form: { a: 1 } },
  ]);
  expect(seen.map(({ body }) => body)).toEqual(["a=1"]);
  expect(result.warnings).toEqual([
    expect.stringContaining("a form is made of an object, and `{{ form }}` is text"),
    expect.stringContaining("half a character"),
  ]);
});

test("a value in a text of JSON or XML cannot add to it", async () => {
  const record = { id: 1, name: 'x", "admin": "yes', n: 5 };
  const json = await requestsOf(
    (origin) => ({
      endpoint: origin,
      headers: { "Content-Type": "application/json" },
      body: '{"name": "{{ name }}", "n": {{ n }}}',
    }),
    [record],
  );
  expect(JSON.parse(json.seen[0]?.body ?? "")).toEqual({ name: record.name, n: 5 });
  const xml = await requestsOf(
    (origin) => ({
      endpoint: origin,
      headers: { "content-type": "text/xml" },
      body: "<name>{{ name }}</name>",
    }),
    [{ name: "</name><admin/>" }],
  );
  expect(xml.seen[0]?.body).toBe("<name>&lt;/name&gt;&lt;admin/&gt;</name>");
});

test("a webhook is signed over the bytes that are sent", async () => {
  const keys = (origin: string): HttpRequestKeys => ({
    endpoint: origin,
    authentication: { type: "hmac", secret: "hook-secret", header: "X-Hub-Signature-256", prefix: "sha256=" },
  });
  const { seen } = await requestsOf(keys, [{ id: new ExactNumber("9007199254740993"), name: "ä" }]);
  const expected = createHmac("sha256", "hook-secret")
    .update('{"id":9007199254740993,"name":"ä"}')
    .digest("hex");
  expect(seen[0]?.headers["x-hub-signature-256"]).toBe(`sha256=${expected}`);
});

test("a standard webhook is signed over its id, which is the idempotency key", async () => {
  const keys = (origin: string): HttpRequestKeys => ({
    endpoint: origin,
    idempotencyHeader: "webhook-id",
    authentication: {
      type: "hmac",
      secret: Buffer.from("hook-secret").toString("base64"),
      keyEncoding: "base64",
      header: "webhook-signature",
      prefix: "v1,",
      encoding: "base64",
      timestampHeader: "webhook-timestamp",
      sign: "{{ header.webhook-id }}.{{ timestamp }}.{{ body }}",
    },
  });
  const { seen } = await requestsOf(keys, [{ id: 1 }]);
  const { headers, body } = seen[0] ?? {};
  const signed = `${headers?.["webhook-id"]}.${headers?.["webhook-timestamp"]}.${body}`;
  const expected = createHmac("sha256", "hook-secret").update(signed).digest("base64");
  expect(headers?.["webhook-signature"]).toBe(`v1,${expected}`);
});
