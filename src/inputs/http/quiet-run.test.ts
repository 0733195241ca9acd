import { describe, expect, test } from "vitest";
import { type HttpPollingKeys, openSession, wholeRead } from "../../../test/support/http-polling.ts";
import { type HttpHandler, sendJson, startHttpServer } from "../../../test/support/http-server.ts";
import type { ResumePoint } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";

const records = [{ id: 1 }, { id: 2 }];
const seenBefore: ReadonlySet<string> = new Set(["list:data.items"]);

interface Quiet {
  readonly records: readonly SourceRecord[];
  readonly error: unknown;
  readonly facts: ReadonlySet<string>;
}

async function read(
  handler: HttpHandler,
  facts: ReadonlySet<string> = new Set(),
  keys: Partial<HttpPollingKeys> = {},
  resume: ResumePoint | null = null,
): Promise<Quiet> {
  await using server = await startHttpServer(handler);
  const session = await openSession(
    { endpoint: server.origin, dataField: "data.items", retry: { attempts: 1 }, ...keys },
    { facts },
  );
  const given: SourceRecord[] = [];
  let error: unknown = null;
  try {
    for await (const page of session.read({ ...wholeRead(), resume })) given.push(...page.records);
  } catch (thrown) {
    error = thrown;
  } finally {
    await session.close();
  }
  return { records: given, error, facts: session.facts?.() ?? new Set() };
}

const body =
  (value: unknown): HttpHandler =>
  (_request, response) =>
    sendJson(response, value);
const bytes =
  (status: number, text: string, headers: Record<string, string | number> = {}): HttpHandler =>
  (_request, response) =>
    void response.writeHead(status, headers).end(text);

describe("a run completes that finds nothing new", () => {
  test.each<[string, HttpHandler]>([
    ["null in place of the list", body({ data: { items: null } })],
    ["null in place of the answer", body("null")],
    ["an empty body", bytes(200, "", { "content-length": 0 })],
    ["an empty body in no chunk", bytes(200, "")],
    ["a blank body", bytes(200, "\n")],
    ["204", bytes(204, "")],
    ["an empty list", body({ data: { items: [] } })],
  ])("by %s", async (_name, handler) => {
    expect(await read(handler)).toMatchObject({ records: [], error: null });
  });

  test.each<[string, unknown]>([
    ["without the list", { data: { kind: "events" } }],
    ["without what the list is in", { kind: "events" }],
    ["with null in place of what the list is in", { data: null }],
    ["with a word that there is nothing", { message: "No records found", status: "success", code: 200 }],
    ["with a code of its own for success", { code: 20_000, message: "success", title: "Failed logins" }],
    ["as an empty object", {}],
    ["as PHP writes an empty object", []],
    ["with an empty list for the object around the list", { data: [] }],
  ])("by an answer %s, once the list has been there", async (_name, answer) => {
    expect(await read(body(answer), seenBefore)).toMatchObject({ records: [], error: null });
    const { error } = await read(body(answer));
    expect(error).toMatchObject({
      code: "SOURCE_INVALID",
      recoverable: false,
      hint: expect.stringMatching(/Set `dataField`.* once it has given the list for the first time/),
    });
  });

  test("the list once seen is known to later runs, and at once", async () => {
    expect((await read(body({ data: { items: [] } }))).facts).toEqual(new Set(["keys", ...seenBefore]));
    expect((await read(body({ data: {} }))).facts).toEqual(new Set());
    const pages: HttpHandler = ({ url }, response) =>
      sendJson(response, url.searchParams.get("page") === "1" ? { data: { items: records } } : { data: {} });
    const paged = await read(pages, new Set(), { pagination: { type: "page", param: "page" } });
    expect(paged).toMatchObject({ records, error: null });
  });

  test.each([{ total: 0 }, { total: "0" }])("by a total of nothing: %j", async (envelope) => {
    const keys: Partial<HttpPollingKeys> = {
      pagination: { type: "offset", param: "offset", totalField: "total" },
    };
    expect(await read(body(envelope), new Set(), keys)).toMatchObject({ records: [], error: null });
    expect((await read(body({ total: 2 }), new Set(), keys)).error).toMatchObject({ code: "SOURCE_INVALID" });
    expect((await read(body({ ...envelope, rows: [] }))).error).toMatchObject({ code: "SOURCE_INVALID" });
  });
});

describe("P15: an answer without a list is no quiet run where it says something else", () => {
  test.each<[string, unknown, string]>([
    ["an error", { error: "index is gone" }, '`error`: "index is gone"'],
    ["a failure", { ok: false, error: "invalid_auth" }, '`error`: "invalid_auth"'],
    ["a status in words", { status: "error", reason: "boom" }, '`status`: "error"'],
    ["a status in numbers", { status: 500, title: "oops" }, "`status` is 500"],
    ["a code of an error", { errcode: 40_001, errmsg: "invalid credential" }, "`errcode` is 40001"],
    ["a message of a failure", { message: "Internal server error" }, '`message`: "Internal server error"'],
    ["null and a failure", { data: { items: null }, message: "upstream request timed out" }, "timed out"],
  ])("%s", async (_name, answer, words) => {
    for (const keys of [{}, { errorField: null }]) {
      const { error } = await read(body(answer), seenBefore, keys);
      expect(error).toMatchObject({
        code: "SOURCE_PARTIAL",
        message: expect.stringContaining(words),
        hint: expect.stringContaining("has no list of records"),
      });
    }
  });

  test.each<[string, HttpHandler, string]>([
    ["a list where an object was", body([{ id: 1 }]), "there is a list"],
    ["a text on the way", body({ data: "soon" }), "there is a text"],
    ["an object in place of the list", body({ data: { items: { id: 1 } } }), "is an object, not a list"],
    ["an empty object in place of the list", body({ data: { items: {} } }), "is an object, not a list"],
    ["a job that is not done", bytes(202, "{}"), "status 202"],
  ])("%s", async (_name, handler, words) => {
    const { error } = await read(handler, seenBefore);
    expect(error).toMatchObject({ code: "SOURCE_INVALID", message: expect.stringContaining(words) });
  });
});

describe("an answer without the list, in the middle of a read", () => {
  const around = { kind: "events", total: 9, data: { version: 1 } };

  /** Two pages of records, then this answer. */
  const afterTwo =
    (answer: HttpHandler, sizes: readonly [number, number] = [2, 2]): HttpHandler =>
    (request, response) => {
      const at = Number(request.url.searchParams.get("page"));
      if (at > 2) return answer(request, response);
      const items = Array.from({ length: sizes[at - 1] ?? 0 }, (_, index) => ({ id: at * 2 + index }));
      return sendJson(response, { ...around, data: { ...around.data, items } });
    };
  const page: Partial<HttpPollingKeys> = { pagination: { type: "page", param: "page" } };

  test.each<[unknown, string]>([
    [{ message: "Something went wrong" }, "`message`"],
    [{ message: "Bad Gateway" }, "`message`"],
    [{ maintenance: true }, "`maintenance`"],
    [{ retry: true }, "`retry`"],
    [{ result: "busy" }, "`result`"],
    [{ brownout: true }, "has no list of records, and has `brownout`, which"],
    [{ kind: "events", notice: "come back later" }, "`notice`"],
    [{ data: { version: 1, notice: "x" } }, "`data.notice`"],
    [{ data: { items: null }, message: "Something went wrong" }, "`message`"],
  ])("P15: is no end where its keys are foreign to the answers before it: %j", async (answer, key) => {
    for (const sizes of [
      [2, 2],
      [2, 1],
    ] as const) {
      const { records: given, error } = await read(afterTwo(body(answer), sizes), new Set(), page);
      expect(error).toMatchObject({
        code: "SOURCE_PARTIAL",
        recoverable: true,
        message: expect.stringContaining(key),
      });
      expect(given.length).toBe(sizes[0] + sizes[1]);
    }
  });

  test("P15: is asked for again where it is throttled", async () => {
    let asked = 0;
    const handler = afterTwo((_request, response) => {
      asked += 1;
      sendJson(response, asked === 1 ? { message: "Too many requests" } : { data: { items: [] } });
    });
    const { error } = await read(handler, new Set(), { ...page, retry: { attempts: 2 } });
    expect([error, asked]).toEqual([null, 2]);
  });

  test("P15: its text is shown shortened", async () => {
    const { error } = await read(afterTwo(body({ notice: "x".repeat(5000) })), new Set(), page);
    expect(String(error)).toContain('{"notice":"xxx');
    expect(String(error).length).toBeLessThan(700);
  });

  test.each<[string, HttpHandler]>([
    ["an empty object", body({})],
    ["keys that were there", body({ kind: "events", total: 9 })],
    ["keys that were there, further in", body({ data: { version: 2 } })],
    ["null", body({ data: { items: null } })],
    ["words that there is nothing", body({ message: "No records found", status: "success", code: 200 })],
    ["the page that was asked for", body({ page: 3, pageSize: 2, offset: 4 })],
    ["what the next read begins at", body({ kind: "events", nextSyncToken: "abc" })],
    ["204", bytes(204, "")],
    ["an empty body", bytes(200, "")],
  ])("is the end by %s", async (_name, answer) => {
    const { records: given, error } = await read(afterTwo(answer), new Set(), page);
    expect([given.length, error]).toEqual([4, null]);
  });

  test.each<[unknown, string | null]>([
    [{ brownout: true }, "RESUME_REFUSED"],
    [{ data: { items: null }, message: "Come again" }, "RESUME_REFUSED"],
    [{ maintenance: true }, "SOURCE_PARTIAL"],
    [{ message: "Internal error" }, "SOURCE_PARTIAL"],
    [{ data: {} }, null],
    [{ data: { items: [] }, kind: "events" }, null],
  ])("P15: at the place where a read was resumed, %j ends with %j", async (answer, code) => {
    const resume = { kind: "page", token: "3" } as const;
    const { error } = await read(afterTwo(body(answer)), seenBefore, page, resume);
    expect(error).toEqual(code === null ? null : expect.objectContaining({ code }));
  });

  test("is the end where it says so at a declared path", async () => {
    const keys: Partial<HttpPollingKeys> = {
      pagination: { type: "page", param: "page", hasMoreField: "paging.more" },
    };
    const { error } = await read(afterTwo(body({ paging: { more: false } })), new Set(), keys);
    expect(error).toBeNull();
  });

  test("behind a short page it may say that there is no such page", async () => {
    const answer = body({ code: 404, title: "no such page" });
    expect(
      (await read(afterTwo(body({ message: "Page not found" }), [2, 1]), new Set(), page)).error,
    ).toBeNull();
    expect((await read(afterTwo(answer, [2, 2]), new Set(), page)).error).toMatchObject({
      code: "SOURCE_PARTIAL",
    });
  });
});
