import { describe, expect, test } from "vitest";
import { ids, range, startTarget, writeOnce } from "../../../../test/support/http-request.ts";

/** What targets answer to a request that failed, wholly or in part, with the status of a success. */
const failures: readonly [name: string, body: unknown][] = [
  ["Elasticsearch", { took: 3, errors: true, items: [{ index: { status: 400 } }] }],
  ["GraphQL", { data: null, errors: [{ message: "Variable $email is invalid" }] }],
  ["Slack", { ok: false, error: "channel_not_found" }],
  ["Cloudflare", { success: false, messages: [], result: null }],
  ["a text for the error", { error: "no such list" }],
  ["an object for the error", { error: { code: 190, message: "expired" } }],
  ["BigQuery", { insertErrors: [{ index: 0, errors: [{ reason: "invalid" }] }] }],
  ["Kinesis", { FailedRecordCount: 1, Records: [{ ErrorCode: "Throttled" }] }],
  ["SQS", { Successful: [], Failed: [{ Id: "1" }] }],
  ["JSend", { status: "error", message: "unable" }],
  ["a number of errors", { numErrors: 2, results: [] }],
  ["Salesforce, one record", [{ success: false, errors: [{ statusCode: "REQUIRED_FIELD_MISSING" }] }]],
];

describe("an answer of status 200 that says that it failed is no delivery", () => {
  test.each(failures)("%s", async (_, body) => {
    for (const onError of ["fail", "skip"] as const) {
      const server = await startTarget(() => ({ body }));
      const result = await writeOnce({ endpoint: server.origin, onError }, ids(1));
      expect(result).toMatchObject({
        written: null,
        warnings: [],
        error: {
          code: "ANSWER_SAYS_FAILED",
          recoverable: false,
          message: expect.stringMatching(
            /answered with status 200, and says that it failed: .*may have arrived/,
          ),
          hint: expect.stringContaining("`output.answer`"),
          details: { status: 200 },
        },
      });
      expect(server.seen).toHaveLength(1);
    }
  });

  test("a list with a result for each record of a batch, one of which failed", async () => {
    const body = [{ id: "1", success: true, errors: [] }, { success: false }, { id: "3", success: true }];
    const server = await startTarget(() => ({ body }));
    const { error } = await writeOnce({ endpoint: server.origin, batch: { size: 5 } }, range(3));
    expect(error).toMatchObject({
      code: "ANSWER_SAYS_FAILED",
      message: expect.stringContaining("`success` is false in element 2"),
      hint: expect.stringContaining("`results`"),
    });
  });

  test("a 207, whatever its body", async () => {
    const server = await startTarget(() => ({ status: 207, body: { results: [] } }));
    const { error } = await writeOnce({ endpoint: server.origin, onError: "skip" }, ids(1));
    expect(error).toMatchObject({ code: "ANSWER_SAYS_FAILED", details: { status: 207 } });
  });

  test("the target's own words are shown, and no secret in them", async () => {
    const body = { errors: [{ message: "no", token: "hidden-1" }] };
    const server = await startTarget(() => ({ body }));
    const { error } = await writeOnce({ endpoint: server.origin }, ids(1));
    expect(String(error)).toContain('"message":"no"');
    expect(String(error)).not.toContain("hidden-1");
    const slack = await startTarget(() => ({ body: { ok: false, error: "channel_not_found" } }));
    expect(await writeOnce({ endpoint: slack.origin }, ids(1))).toMatchObject({
      error: { message: expect.stringContaining('`ok` is false, `error`: "channel_not_found".') },
    });
  });
});

/** Answers of targets that took all. */
const healthy: readonly [name: string, body: unknown][] = [
  ["no body", ""],
  ["text", "ok"],
  ["a page", "<!doctype html><title>Thanks</title>"],
  ["no errors: a list", { errors: [], items: [1] }],
  ["no errors: null", { errors: null, error: null }],
  ["no errors: a number", { errors: 0, failed: 0 }],
  ["no errors: false", { errors: false, hasErrors: false }],
  ["no errors: an object", { errors: {}, error: {} }],
  ["no errors: a text", { error: "", errors: "none" }],
  ["errors of fields that are all empty", { errors: { email: [] } }],
  ["an error of code 0", { error: { code: 0, message: "success" } }],
  ["success in any case", { ok: true, Success: true, status: "success" }],
  ["counts", { success: 12, failed: 0, errors: 0 }],
  [
    "warnings among the errors",
    { data: { id: 1 }, errors: [{ severity: "WARNING", message: "deprecated" }] },
  ],
  ["a record further down", { data: { errors: ["old"], success: false } }],
  ["a list of other things", [{ success: false }, { success: false }]],
  ["a status of the record's own", { id: 1, status: "failed" }],
  ["JSON that is no object", "3"],
  ["text that begins as JSON does", "[OK] stored"],
];

describe("an answer of a target that took all is a delivery, without a word", () => {
  test.each(healthy)("%s", async (_, body) => {
    const headers = { "content-type": typeof body === "string" ? "text/plain" : "application/json" };
    const server = await startTarget(() => ({ body, headers }));
    expect(await writeOnce({ endpoint: server.origin }, ids(1))).toMatchObject({
      written: 1,
      error: null,
      warnings: [],
    });
  });

  test("one that gives back what it was sent", async () => {
    const sent = { id: 1, success: false, ok: false, errors: [{ line: 3 }], error: "E17", status: "error" };
    const one = await startTarget(({ body }) => ({ status: 201, body }));
    expect(await writeOnce({ endpoint: one.origin }, [sent])).toMatchObject({ written: 1, error: null });
    const many = { endpoint: one.origin, batch: { size: 9 } };
    expect(await writeOnce(many, [sent, { id: 2 }])).toMatchObject({ written: 2, error: null });
  });

  test("a 207 and a status outside 2xx that `success` lists", async () => {
    const parts = await startTarget(() => ({ status: 207, body: { results: [1] } }));
    const listed = { endpoint: parts.origin, success: [200, 207] };
    expect(await writeOnce(listed, ids(1))).toMatchObject({ written: 1, error: null });
    const known = await startTarget(() => ({ status: 409, body: { error: "exists" } }));
    const conflict = { endpoint: known.origin, success: [200, 409] };
    expect(await writeOnce(conflict, ids(1))).toMatchObject({ written: 1, error: null });
  });

  test("`answer.success: always` says that such words are harmless", async () => {
    const server = await startTarget(() => ({ status: 207, body: { ok: false, errors: [1] } }));
    const keys = { endpoint: server.origin, answer: { success: "always" } };
    expect(await writeOnce(keys, ids(1))).toMatchObject({ written: 1, error: null, warnings: [] });
  });
});
