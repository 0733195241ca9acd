import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { type HttpPollingKeys, openSession, readOnce } from "../../../test/support/http-polling.ts";
import { type HttpHandler, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import { httpPollingSchema } from "./schema.ts";

const records = [{ id: 1 }, { id: 2 }];

async function readBody(body: unknown, keys: Partial<HttpPollingKeys> = {}) {
  await using server = await startHttpServer((_request, response) => sendJson(response, body));
  return await readOnce({ endpoint: server.origin, dataField: "data", retry: { attempts: 1 }, ...keys });
}

describe("P15: half an answer is a failure, and shows the source's own words", () => {
  test.each<[string, object, string]>([
    [
      "GraphQL",
      { errors: [{ message: "a shard timed out" }] },
      '`errors`: "[{"message":"a shard timed out"}]"',
    ],
    [
      "a single error",
      { error: { code: 403, message: "no access" } },
      '`error`: "{"code":403,"message":"no access"}"',
    ],
    ["an error without a code", { error: { code: null, message: "lost" } }, '"message":"lost"'],
    ["an error in words", { error: "backend down" }, '`error`: "backend down"'],
    ["Slack", { ok: false, error: "internal_error" }, '`error`: "internal_error"'],
    ["Slack without a reason", { ok: false }, "`ok` is false"],
    [
      "success: false",
      { success: false, message: "partial sync" },
      '`success` is false, `message`: "partial sync"',
    ],
    ["Elasticsearch's shards", { _shards: { total: 5, failed: 1 } }, "`_shards.failed` is 1"],
    ["Elasticsearch's time", { timed_out: true }, "`timed_out` is true"],
    ["names in another case", { Errors: ["lost"], IsSuccess: true }, '`Errors`: "["lost"]"'],
    [
      "hasErrors",
      { hasErrors: true, message: "2 of 3 regions" },
      '`hasErrors` is true, `message`: "2 of 3 regions"',
    ],
    ["GitHub's search", { incomplete_results: true }, "`incomplete_results` is true"],
  ])("%s", async (_name, envelope, words) => {
    const read = await readBody({ data: records, ...envelope });
    expect(read.records).toEqual([]);
    expect(read.error).toMatchObject({
      code: "SOURCE_PARTIAL",
      stream: "acme/events",
      message: expect.stringContaining("the answer says that it failed or is not whole: "),
      hint: expect.stringContaining("`errorField: null`"),
    });
    expect(read.error).toMatchObject({ message: expect.stringContaining(words) });
  });

  test.each<[unknown, string, string]>([
    [{ data: { items: records, errors: ["lost"] } }, "data.items", '`data.errors`: "["lost"]"'],
    [{ d: { page: { items: records }, ok: false } }, "d.page.items", "`d.ok` is false"],
  ])("in an object on the way to the list: %j", async (body, dataField, words) => {
    const { error } = await readBody(body, { dataField });
    expect(error).toMatchObject({ code: "SOURCE_PARTIAL", message: expect.stringContaining(words) });
  });

  test.each<[object, boolean]>([
    [{ errors: [{ message: "5 of 10 nodes could not be resolved: timeout" }] }, true],
    [{ timed_out: true }, true],
    [{ error: "temporarily unavailable" }, true],
    [{ errors: [{ message: "field `x` does not exist" }] }, false],
  ])("%j: the next run may go better: %s", async (envelope, recoverable) => {
    expect((await readBody({ data: records, ...envelope })).error).toMatchObject({ recoverable });
  });

  test("the words are short and hold no secret", async () => {
    const { error } = await readBody(
      { data: records, errors: [{ message: `Bearer half-answer-token ${"x".repeat(5000)}` }] },
      { authentication: { type: "bearer", token: "half-answer-token" } },
    );
    expect(String(error)).toContain("[redacted]");
    expect(inspect(error, { depth: 10 })).not.toContain("half-answer-token");
    expect(String(error).length).toBeLessThan(500);
  });

  test.each([{ errors: [{ message: "one shard is gone" }] }, { ok: false }])(
    "the names of partitions are not taken from one: %j",
    async (envelope) => {
      await using server = await startHttpServer((_request, response) =>
        sendJson(response, { data: [{ name: "a" }], ...envelope }),
      );
      const session = await openSession({
        endpoint: `${server.origin}/{{ partition }}`,
        partitions: {
          from: { type: "httpPolling", endpoint: `${server.origin}/names`, dataField: "data" },
          field: "name",
        },
      });
      const { signal } = new AbortController();
      const names = async (): Promise<void> => {
        for await (const _ of session.partitions?.(signal) ?? []);
      };
      await expect(names()).rejects.toMatchObject({ code: "SOURCE_PARTIAL" });
      await session.close();
    },
  );
});

describe("what is no failure", () => {
  test.each<[string, unknown, Partial<HttpPollingKeys>]>([
    [
      "empty signs",
      {
        data: records,
        errors: [],
        error: null,
        ok: true,
        success: "true",
        timed_out: false,
        _shards: { failed: 0 },
      },
      {},
    ],
    ["empty objects and texts", { data: records, errors: {}, error: "" }, {}],
    ["a code that says ok", { data: records, error: { code: "ok", message: "", log_id: "7" } }, {}],
    [
      "an error whose parts are empty",
      { data: records, error: { code: "", message: null }, errors: [null] },
      {},
    ],
    ["texts that say none", { data: records, error: "0", errors: "none" }, {}],
    ["a field `errors` of the records", { data: [{ id: 1, errors: ["x"], ok: false }] }, {}],
    ["records in a bare list", [{ id: 1, errors: ["x"], ok: false }], { dataField: undefined }],
    ["a field of the records' list that is named alike", { data: records, meta: { errors: ["x"] } }, {}],
    ["a list of errors that is the records", { errors: [{ id: 1 }] }, { dataField: "errors" }],
    ["records further in", { errors: { items: [{ id: 1 }], total: 1 } }, { dataField: "errors.items" }],
    ["what is switched off", { data: records, errors: [{ message: "x" }] }, { errorField: null }],
    ["a sign that is not the declared one", { data: records, errors: ["x"] }, { errorField: "fault" }],
  ])("%s", async (_name, body, keys) => {
    const read = await readBody(body, keys);
    expect(read.error).toBeNull();
    expect(read.records.length).toBeGreaterThan(0);
  });
});

describe("errorField", () => {
  test.each<[string | string[], object, string]>([
    ["meta.problems", { meta: { problems: ["lost"] } }, "`meta.problems`"],
    [["fault", "meta.failed"], { meta: { failed: 3 } }, "`meta.failed` is 3"],
    ["meta.ok", { meta: { ok: false, reason: "no index" } }, '`meta.ok` is false, `meta.reason`: "no index"'],
    ["meta.errcode", { meta: { errcode: "40001" } }, '`meta.errcode`: "40001"'],
  ])("%j names where the source says so", async (errorField, envelope, words) => {
    const { error } = await readBody({ data: records, ...envelope }, { errorField });
    expect(error).toMatchObject({ code: "SOURCE_PARTIAL", message: expect.stringContaining(words) });
  });

  test("on the way to the records it is refused", () => {
    const keys = {
      type: "httpPolling",
      endpoint: "https://x.example",
      dataField: "data.items",
      errorField: "data",
    };
    const { error } = httpPollingSchema.safeParse(keys);
    expect(error?.issues.map(({ path }) => path.join("."))).toEqual(["errorField"]);
  });
});

describe("an answer that wants to be asked again is asked again", () => {
  test.each<[string, object, Record<string, string>]>([
    ["GraphQL's THROTTLED", { errors: [{ message: "slow", extensions: { code: "THROTTLED" } }] }, {}],
    ["Slack's ratelimited", { ok: false, error: "ratelimited" }, {}],
    ["a failure with Retry-After", { error: "not now" }, { "retry-after": "2" }],
    [
      "a throttled answer with a list",
      { data: [{ id: 9 }], errors: [{ message: "Rate limit exceeded" }] },
      {},
    ],
  ])("%s", async (_name, refusal, headers) => {
    let asked = 0;
    const handler: HttpHandler = (_request, response) =>
      ++asked === 1 ? sendJson(response, refusal, headers) : sendJson(response, { data: records });
    await using server = await startHttpServer(handler);
    const read = await readOnce({ endpoint: server.origin, dataField: "data" });
    expect([read.error, read.records, asked]).toEqual([null, records, 2]);
  });

  test("and fails where it stays so, with the source's words", async () => {
    await using server = await startHttpServer((_request, response) =>
      sendJson(response, { ok: false, error: "ratelimited" }),
    );
    const { error } = await readOnce({ endpoint: server.origin, dataField: "data", retry: { attempts: 3 } });
    expect(error).toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      recoverable: true,
      message: expect.stringMatching(/still refused after 3 attempts; .*`error`: "ratelimited"/),
    });
  });
});

describe("an empty list does not hide a failure that is reported next to it", () => {
  const page = { type: "page", param: "page" } as const;
  /** Two pages of records, then this answer once, then two more records. */
  async function readPast(answer: unknown, keys: Partial<HttpPollingKeys> = {}) {
    let isTold = false;
    await using server = await startHttpServer(({ url }, response) => {
      const at = Number(url.searchParams.get("page"));
      if (at === 3 && !isTold) {
        isTold = true;
        sendJson(response, answer);
      } else sendJson(response, { data: at <= 3 ? [{ id: at * 2 }, { id: at * 2 + 1 }] : [], next: null });
    });
    return await readOnce({
      endpoint: server.origin,
      dataField: "data",
      retry: { attempts: 1 },
      pagination: page,
      ...keys,
    });
  }

  test.each<[unknown, string]>([
    [{ status: "error", message: "internal error", data: [] }, '`message`: "internal error"'],
    [
      { status: "error", code: 503, message: "backend unavailable", data: [], next: null },
      '`message`: "backend unavailable"',
    ],
    [{ code: 500, message: "Internal Server Error", data: [] }, "`code` is 500"],
    [{ code: 500, data: [] }, "`code` is 500"],
    [{ code: 503, data: [] }, "`code` is 503"],
    [{ code: 0, message: "internal error", data: [] }, '`message`: "internal error"'],
    [{ fault: { faultstring: "Execution of the policy timed out" }, data: [] }, "policy timed out"],
    [{ errcode: 50001, errmsg: "system busy", data: [] }, '`errmsg`: "system busy"'],
    [{ status: "error", message: "internal error", data: null }, '`message`: "internal error"'],
  ])("P15: %j", async (answer, words) => {
    const { records: given, error } = await readPast(answer);
    expect(error).toMatchObject({
      code: "SOURCE_PARTIAL",
      recoverable: true,
      message: expect.stringContaining(words),
    });
    expect(given).toHaveLength(4);
  });

  test("P15: one that is throttled is asked for again", async () => {
    const answer = { errcode: 40_001, errmsg: "rate limited", data: [] };
    const { records: given, error } = await readPast(answer, { retry: { attempts: 2 } });
    expect([given.length, error]).toEqual([6, null]);
  });

  test.each<[object]>([
    [{ code: 200, message: "success" }],
    [{ code: 0, message: "OK" }],
    [{ code: "0", msg: "success" }],
    [{ status: "ok" }],
    [{ status: "success", state: "done" }],
    [{ message: "no records found" }],
    [{ message: "No errors" }],
    [{ message: "No failed jobs match" }],
    [{ code: 404, message: "Not found" }],
    [{ detail: "Invalid page." }],
    [{ message: "Page 3 is out of range" }],
    [{ errcode: 0, errmsg: "ok" }],
    [{ errorCode: "0", errorMessage: "no data" }],
    [{ error_code: 200, error_msg: "done" }],
    [{ errors: [], error: null, fault: null }],
  ])("a result without records is none: %j", async (envelope) => {
    expect(await readBody({ ...envelope, data: [] })).toMatchObject({ records: [], error: null });
    expect((await readPast({ ...envelope, data: [] })).error).toBeNull();
  });

  test.each([{ errorField: null }, { errorField: "meta.problems" }])(
    "%j takes every empty list that does not say so there",
    async (keys) => {
      expect(
        (await readBody({ status: "error", message: "internal error", data: [] }, keys)).error,
      ).toBeNull();
    },
  );
});
