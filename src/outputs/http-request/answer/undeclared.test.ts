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
  ["a status in a word", { status: "failed" }],
  ["a status in a word, with the reason", { Status: "Failure", message: "unknown account" }],
  ["a result in a word", { result: "rejected", requestId: "r-1" }],
  ["WeChat", { errcode: 40001, errmsg: "invalid credential", rid: "6-1" }],
  ["a code of an error", { error_code: 1, data: null }],
  ["a code of an error as text", { errorCode: "1045" }],
  ["a code with words of failure", { code: 5003, msg: "invalid signature" }],
  ["a status of HTTP in the body", { status: 422, message: "no such list" }],
  ["a status of HTTP by record", [{ id: 1, status: 400 }]],
  ["results inside an object", { items: [{ id: 1, statusCode: 404 }] }],
  ["results inside an object that say no", { results: [{ id: 1, success: false }] }],
  ["success that is 0", { success: 0, message: "no such account" }],
  ["success that is no", { Success: "No" }],
  ["success that is a text", { success: "False" }],
  ["accepted that is false", { accepted: false, reason: "duplicate" }],
  ["some that were rejected", { accepted: 0, rejected: [{ index: 0 }] }],
  ["a fault of a gateway", { fault: { faultstring: "Rate limit", detail: { errorcode: "x" } } }],
  ["an exception of a framework", { exception: { class: "E", message: "boom" } }],
  ["an exception as text", { exception: "java.lang.NullPointerException" }],
  ["success inside the result", { result: { success: false } }],
  ["errors inside the response", { response: { errors: ["unknown field"] } }],
  ["an error by record", { results: [{ id: 1, error: "too long" }] }],
  ["errors by record", { records: [{ id: 1, errors: [{ message: "too long" }] }] }],
  ["a status by record", { results: [{ id: 1, status: "failed" }] }],
  ["a status by record among the things", { data: [{ id: 1, status: "error", message: "too long" }] }],
  ["success by record among the things", { items: [{ id: 1, success: 0 }] }],
  ["a text", "FAILED"],
  ["a text with its reason", "Error: no such list"],
  ["a text with a code", "ERROR 1045 Access denied"],
  [
    "SOAP 1.1",
    '<?xml version="1.0"?><soap:Envelope xmlns:soap="x"><soap:Body><soap:Fault><faultcode>soap:Server</faultcode><faultstring>Unable to handle request.</faultstring></soap:Fault></soap:Body></soap:Envelope>',
  ],
  ["XML-RPC", "<methodResponse><fault><value>4</value></fault></methodResponse>"],
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
  ["counts of which none failed", { success: 0, skipped: 1 }],
  ["an invitation that was made", { id: 7, accepted: false, rejected: false }],
  ["no fault", { fault: null, exception: "", exceptions: [] }],
  ["a result that is the thing", { result: { sys_id: "a1", success: false, error: "E1" } }],
  ["a result that is fine", { result: { success: true, errors: [] } }],
  ["things that failed by themselves", { data: [{ id: 1, status: "failed" }] }],
  ["results without errors", { results: [{ id: 1, error: null, errors: [], status: "created" }] }],
  ["other things in a list", { data: [{ error: "a" }, { error: "b" }] }],
  ["a text that tells of no error", "Errors: 0"],
  ["a text that says that there were none", "Failed: 0, stored: 1"],
  ["a text about the error log", "error-log stored"],
  [
    "SOAP",
    '<soap:Envelope xmlns:soap="x"><soap:Body><Stored><FaultCount>0</FaultCount></Stored></soap:Body></soap:Envelope>',
  ],
  ["counts", { success: 12, failed: 0, errors: 0 }],
  [
    "warnings among the errors",
    { data: { id: 1 }, errors: [{ severity: "WARNING", message: "deprecated" }] },
  ],
  ["a record further down", { data: { errors: ["old"], success: false } }],
  ["a list of other things", [{ success: false }, { success: false }]],
  ["a status of the record's own", { id: 1, status: "failed" }],
  ["Slack", { ok: true, channel: "C1", ts: "1.2", message: { text: "error in build 7" } }],
  ["HubSpot, one", { id: "51", properties: { hs_lead_status: "FAILED" }, archived: false }],
  ["HubSpot, many", { status: "COMPLETE", results: [{ id: "51" }], startedAt: "2026-01-01T00:00:00Z" }],
  ["Salesforce", { id: "001", success: true, errors: [] }],
  ["Elasticsearch, one", { _id: "1", result: "created", _shards: { total: 2, successful: 1, failed: 0 } }],
  ["Elasticsearch, many", { took: 3, errors: false, items: [{ index: { _id: "1", status: 201 } }] }],
  ["Segment", { success: true }],
  ["Mixpanel", { code: 200, num_records_imported: 1, status: "OK" }],
  ["Mixpanel, events", { error: "", status: 1 }],
  ["Stripe", { id: "re_1", object: "refund", status: "failed", failure_code: null, failure_message: null }],
  ["GitHub", { id: 1, state: "failure", description: "Build has failed", created_at: "2026-01-01" }],
  ["Twilio", { sid: "SM1", status: "queued", error_code: null, error_message: null }],
  ["WeChat", { errcode: 0, errmsg: "ok" }],
  ["a code of success beside its word", { errcode: 7, errmsg: "ok" }],
  ["Feishu", { StatusCode: 0, StatusMessage: "success", code: 0, msg: "success" }],
  ["Splunk", { text: "Success", code: 0 }],
  ["Snowflake", { code: "090001", message: "Statement executed successfully." }],
  ["Amplitude", { code: 200, events_ingested: 1 }],
  ["PagerDuty", { status: "success", message: "Event processed", dedup_key: "k" }],
  ["Facebook", { events_received: 1, messages: [], fbtrace_id: "A" }],
  ["a status of HTTP that is fine", { status: 200, statusCode: "201", message: "Created" }],
  ["a code without words of failure", { code: 4711, message: "stored" }],
  ["results that are all fine", { results: [{ id: 1, status: 201, success: true }] }],
  ["a page that says ok", "<html><head><title>Webhook</title></head><body><p>ok</p></body></html>"],
  ["a page that says thanks", "<!DOCTYPE html>\n<html><body>Thank you, it was received.</body></html>"],
  ["JSON that is no object", "3"],
  ["text that begins as JSON does", "[OK] stored"],
];

describe("an answer of a target that took all is a delivery, without a word", () => {
  test.each(healthy)("%s", async (_, body) => {
    for (const type of typeof body === "string" ? ["text/plain", "text/html"] : ["application/json"]) {
      const server = await startTarget(() => ({ body, headers: { "content-type": type } }));
      expect(await writeOnce({ endpoint: server.origin }, ids(1))).toMatchObject({
        written: 1,
        error: null,
        warnings: [],
      });
    }
  });

  test("one that gives back what it was sent", async () => {
    const sent = {
      id: 1,
      code: 7,
      msg: "failed",
      success: false,
      ok: false,
      errors: [{ line: 3 }],
      error: "E17",
      status: "error",
    };
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

describe("an answer that counts as a delivery and is reported", () => {
  test.each([
    [
      "text/html; charset=utf-8",
      "<html><head><title>Sign in</title></head><body><form>…</form></body></html>",
    ],
    ["text/plain", "\n<!-- proxy -->\n<!DOCTYPE HTML><title>Sign in</title><p>Access to this network"],
    ["text/html", "<head><title> Sign\n in </title></head><body>Please log in</body>"],
  ])("a page for people (%s) is reported once, with its title", async (type, body) => {
    const server = await startTarget(() => ({ body, headers: { "content-type": type } }));
    const { written, warnings } = await writeOnce({ endpoint: server.origin }, range(3));
    expect(written).toBe(3);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^ANSWER_IS_PAGE: POST http.*status 200 and an HTML page for people: "Sign in"\. .*login/,
      ),
    ]);
    const declared = { endpoint: server.origin, answer: { success: "always" } };
    expect(await writeOnce(declared, ids(1))).toMatchObject({ written: 1, warnings: [] });
  });

  test("a page without a title is shown by its text, without secrets", async () => {
    const body = "<html><style>p{}</style><body><h1>Blocked</h1><p>token=hidden-1</p></body></html>";
    const server = await startTarget(() => ({ body, headers: { "content-type": "text/html" } }));
    const { warnings } = await writeOnce({ endpoint: server.origin }, ids(1));
    expect(warnings).toEqual([expect.stringContaining('"Blocked token=[redacted]"')]);
  });

  test("a declared `refused` that finds nothing where the answer says that it failed", async () => {
    const server = await startTarget(() => ({ body: { error: "bad record" } }));
    const misspelt = { endpoint: server.origin, answer: { refused: "eror" } };
    const { written, warnings } = await writeOnce(misspelt, range(3));
    expect(written).toBe(3);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^ANSWER_OVERLOOKED: .*says that it failed: `error`: "bad record"\. See .*answer\.refused/,
      ),
    ]);
    const harmless = { endpoint: server.origin, answer: { refused: "eror", success: "always" } };
    expect(await writeOnce(harmless, ids(1))).toMatchObject({ written: 1, warnings: [] });
    const healthy = await startTarget(() => ({ body: { errors: [], status: "ok" } }));
    expect(await writeOnce({ ...misspelt, endpoint: healthy.origin }, range(3))).toMatchObject({
      written: 3,
      warnings: [],
    });
  });
});
