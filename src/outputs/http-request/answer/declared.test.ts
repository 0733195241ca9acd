import { describe, expect, test } from "vitest";
import {
  type HttpRequestKeys,
  ids,
  idsIn,
  range,
  startTarget,
  type TargetAnswer,
  writeOnce,
  writeWithLetters,
} from "../../../../test/support/http-request.ts";

type Answer = NonNullable<HttpRequestKeys["answer"]>;

/** Three records, of which the target answers for the second as told. */
async function deliver(answer: Answer, second: TargetAnswer, first: TargetAnswer = {}) {
  const server = await startTarget((request) => (idsIn(request)[0] === 2 ? second : first));
  return { ...(await writeWithLetters({ endpoint: server.origin, answer }, ids(1, 2, 3))), server };
}

describe("a declared refusal goes to onError, with the target's words", () => {
  test.each<[string, Answer, TargetAnswer, TargetAnswer, string]>([
    [
      "GraphQL",
      { refused: "errors", reason: "errors[0].message" },
      { body: { data: null, errors: [{ message: "Variable $email is invalid" }] } },
      { body: { data: { add: { id: 1 } } } },
      ': "Variable $email is invalid"',
    ],
    [
      "user errors of a GraphQL mutation",
      { refused: ["errors", "data.*.userErrors"], reason: "(errors ? errors : data.*.userErrors).message" },
      { body: { data: { productCreate: { userErrors: [{ message: "Title is blank" }] } } } },
      { body: { data: { productCreate: { userErrors: [] } } } },
      ': "Title is blank"',
    ],
    [
      "Slack",
      { success: "ok", reason: "error" },
      { body: { ok: false, error: "channel_not_found" } },
      { body: { ok: true } },
      ': "channel_not_found"',
    ],
    [
      "a status and its body",
      { refused: { status: 402, expression: "error.code = 'card_declined'" }, reason: "error.message" },
      { status: 402, body: { error: { code: "card_declined", message: "Your card was declined." } } },
      {},
      ': "Your card was declined."',
    ],
    [
      "a status that is tried again otherwise",
      { refused: { status: "5xx", expression: "code = 'VALIDATION'" } },
      { status: 500, body: { code: "VALIDATION" } },
      {},
      '"code":"VALIDATION"',
    ],
    [
      "a header",
      { refused: { header: { "X-Result": ["rejected", "invalid"] } } },
      { headers: { "x-result": "invalid" }, body: "no" },
      {},
      ': "no"',
    ],
    ["text", { success: "$ = 'ok'" }, { body: "no_service" }, { body: "ok" }, ': "no_service"'],
  ])("%s", async (_, answer, second, first, words) => {
    const { letters, ...result } = await deliver(answer, second, first);
    expect(result).toMatchObject({ written: 2, error: null });
    const { status = 200 } = second;
    expect(letters).toEqual([
      expect.objectContaining({
        record: { id: 2 },
        status,
        reason: expect.stringContaining(`status ${status}${words.startsWith(":") ? words : ""}`),
      }),
    ]);
    expect(letters[0]?.reason).toContain(words);
  });

  test("a whole batch is halved until the record at fault is alone", async () => {
    const server = await startTarget((request) => ({
      body: idsIn(request).includes(3) ? { errors: [{ message: "bad 3" }] } : {},
    }));
    const keys: HttpRequestKeys = {
      endpoint: server.origin,
      batch: { size: 4 },
      answer: { refused: "errors" },
      onError: "skip",
    };
    expect(await writeOnce(keys, range(4))).toMatchObject({
      written: 3,
      warnings: [expect.stringContaining("the record with id 3")],
    });
    expect(server.seen.map(idsIn)).toEqual([[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]);
  });
});

describe("a condition without a status speaks of 2xx answers only", () => {
  test.each([
    ["a key that is not accepted", 401, "OUTPUT_FAILED"],
    ["a server that is down", 503, "OUTPUT_UNAVAILABLE"],
  ])("%s fails the run, though its body has an error too", async (_, status, code) => {
    const second = { status, body: { error: "no" } };
    const { error, letters } = await deliver({ refused: "error", success: "$not($exists(error))" }, second);
    expect(error).toMatchObject({ code });
    expect(letters).toEqual([]);
  });
});

describe("retry", () => {
  test("the same request is made again, after the wait that is asked for", async () => {
    const server = await startTarget((_, count) =>
      count === 1
        ? { headers: { "retry-after": "7" }, body: { ok: false, error: "ratelimited" } }
        : { body: { ok: true } },
    );
    const answer: Answer = { success: "ok", retry: "error = 'ratelimited'" };
    const result = await writeOnce({ endpoint: server.origin, answer, onError: "skip" }, ids(1));
    expect(result).toMatchObject({ written: 1, error: null, warnings: [], sleeps: [7000] });
    expect(new Set(server.seen.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
  });

  test("without end fails the run, and skips nothing", async () => {
    const server = await startTarget(() => ({ body: { ok: false, error: "ratelimited" } }));
    const answer: Answer = { success: "ok", retry: "error = 'ratelimited'", reason: "error" };
    const result = await writeOnce({ endpoint: server.origin, answer, onError: "skip" }, ids(1));
    expect(result).toMatchObject({
      warnings: [],
      error: {
        code: "OUTPUT_UNAVAILABLE",
        recoverable: true,
        message: expect.stringContaining("ratelimited"),
      },
    });
    expect(server.seen).toHaveLength(5);
  });

  test("a status of its own can be tried again", async () => {
    const server = await startTarget((_, count) => (count < 3 ? { status: 409, body: { lock: true } } : {}));
    const answer: Answer = { retry: { status: 409, expression: "lock" } };
    expect(await writeOnce({ endpoint: server.origin, answer }, ids(1))).toMatchObject({ written: 1 });
    expect(server.seen).toHaveLength(3);
  });
});

describe("success", () => {
  test("a declared 3xx is a delivery, and is not followed; a 2xx is none then", async () => {
    const other = await startTarget(() => ({}));
    const headers = { location: `${other.origin}/thanks` };
    const { error, letters, written } = await deliver(
      { success: { status: 303 } },
      { body: "<html>Please correct the form</html>" },
      { status: 303, headers },
    );
    expect({ error, written }).toEqual({ error: null, written: 2 });
    expect(letters).toEqual([expect.objectContaining({ record: { id: 2 }, status: 200 })]);
    const listed = await startTarget(() => ({ status: 302, headers }));
    expect(await writeOnce({ endpoint: listed.origin, success: [200, 302] }, ids(1))).toMatchObject({
      written: 1,
    });
    expect(other.seen).toEqual([]);
  });

  test("a 2xx that is neither success nor refusal fails the run, under every onError", async () => {
    const answer: Answer = { success: "state = 'done'", refused: "state = 'failed'" };
    const { error, letters } = await deliver(
      answer,
      { body: { state: "odd", why: "token revoked" } },
      { body: { state: "done" } },
    );
    expect(error).toMatchObject({
      code: "ANSWER_UNCLEAR",
      message: expect.stringMatching(
        /status 200 that fits neither `answer.success` nor `answer.refused`: .*token revoked.*may have arrived/,
      ),
    });
    expect(letters).toEqual([]);
  });

  test("an expression that cannot be evaluated fails the run and is named", async () => {
    const { error } = await deliver({ refused: "code > 3" }, { body: { code: "x" } }, { body: { code: 1 } });
    expect(error).toMatchObject({ code: "ANSWER_UNCLEAR", message: expect.stringContaining("`code > 3`") });
  });
});
