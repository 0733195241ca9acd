import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type HttpRequestKeys,
  ids,
  idsIn,
  range,
  startTarget,
  type TargetAnswer,
  writeWithLetters,
} from "../../../../test/support/http-request.ts";
import type { SeenRequest } from "../../../../test/support/http-server.ts";

type Results = NonNullable<NonNullable<HttpRequestKeys["answer"]>["results"]>;

const elasticsearch: Results = {
  list: "items",
  success: "index.status < 300",
  retry: "index.status = 429",
  refused: "index.status >= 400",
  reason: "index.error.type",
};

const indexed = (status: number, type = "") => ({
  index: { status, ...(type === "" ? {} : { error: { type } }) },
});

async function deliver(
  results: Results,
  records: readonly Record<string, unknown>[],
  answer: (request: SeenRequest, count: number) => TargetAnswer,
  more: Partial<HttpRequestKeys> = {},
) {
  const server = await startTarget(answer);
  const keys = { endpoint: server.origin, batch: { size: 100 }, answer: { results }, ...more };
  const result = await writeWithLetters(keys, records);
  return { ...result, requests: server.seen.map(idsIn) };
}

test("one record is taken, one sent again alone, one refused, each by its own result", async () => {
  const { letters, ...result } = await deliver(elasticsearch, range(3), (request, count) => ({
    body: {
      errors: true,
      items:
        count === 1
          ? [
              indexed(201),
              indexed(429, "es_rejected_execution_exception"),
              indexed(400, "mapper_parsing_exception"),
            ]
          : idsIn(request).map(() => indexed(201)),
    },
  }));
  expect(result).toMatchObject({ written: 2, error: null, requests: [[1, 2, 3], [2]], sleeps: [500] });
  expect(letters).toEqual([
    expect.objectContaining({
      record: { id: 3 },
      status: 200,
      reason: expect.stringContaining('answered with status 200: "mapper_parsing_exception"'),
    }),
  ]);
});

test("onError fail: the refused record alone is blamed", async () => {
  const { error } = await deliver(
    elasticsearch,
    range(3),
    () => ({ body: { items: [indexed(201), indexed(400, "bad"), indexed(201)] } }),
    { onError: "fail", deadLetter: undefined },
  );
  expect(error).toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringMatching(/^the record with id 2 was refused: .*"bad"/),
  });
});

test("records that go on being limited are waited for as long as some are taken, then the run fails", async () => {
  const oneAtATime = await deliver(elasticsearch, range(8), (request) => ({
    headers: { "retry-after": "3" },
    body: { items: idsIn(request).map((_, index) => indexed(index === 0 ? 201 : 429)) },
  }));
  expect(oneAtATime).toMatchObject({
    written: 8,
    error: null,
    sleeps: Array.from({ length: 7 }, () => 3000),
  });
  const never = await deliver(elasticsearch, range(2), (request) => ({
    body: { items: idsIn(request).map((id) => indexed(id === 1 ? 201 : 429, "rejected")) },
  }));
  expect(never.error).toMatchObject({
    code: "OUTPUT_UNAVAILABLE",
    message: expect.stringContaining("rejected"),
  });
  expect(never.requests).toEqual([[1, 2], ...Array.from({ length: 5 }, () => [2])]);
  expect(never.letters).toEqual([]);
});

test("a later state of a record goes again behind its earlier one, so that the earlier does not win", async () => {
  const records = [
    { id: 1, n: 1 },
    { id: 2, n: 2 },
    { id: 1, n: 3 },
  ];
  const { requests } = await deliver(
    elasticsearch,
    records,
    (request, count) => ({
      body: { items: idsIn(request).map((_, index) => indexed(count === 1 && index === 0 ? 429 : 201)) },
    }),
    { key: "id" },
  );
  expect(requests).toEqual([
    [1, 2, 1],
    [1, 1],
  ]);
});

describe("results are matched", () => {
  test("in order, at the top of the body", async () => {
    const salesforce: Results = {
      success: "success",
      reason: "errors[0].message",
      retry: "'UNABLE_TO_LOCK_ROW' in errors.statusCode",
    };
    const { letters, requests, written } = await deliver(salesforce, range(3), (request, count) => ({
      body:
        count > 1
          ? idsIn(request).map((id) => ({ id, success: true, errors: [] }))
          : [
              { id: "001", success: true, errors: [] },
              {
                success: false,
                errors: [{ statusCode: "REQUIRED_FIELD_MISSING", message: "Required: Name" }],
              },
              { success: false, errors: [{ statusCode: "UNABLE_TO_LOCK_ROW", message: "locked" }] },
            ],
    }));
    expect({ requests, written }).toEqual({ requests: [[1, 2, 3], [3]], written: 2 });
    expect(letters).toEqual([
      expect.objectContaining({ record: { id: 2 }, reason: expect.stringContaining("Required: Name") }),
    ]);
  });

  test("by a value, from two lists, numbers and their texts alike, with all their digits", async () => {
    const hubspot: Results = {
      list: "$append(results, errors)",
      match: {
        result: "objectWriteTraceId ? objectWriteTraceId : context.objectWriteTraceId[0]",
        record: "id",
      },
      refused: "status = 'error'",
      reason: "message",
    };
    const big = JSON.parse("9007199254740992");
    const { letters, written } = await deliver(
      hubspot,
      [{ id: 1 }, { id: "9007199254740993" }, { id: big }],
      () => ({
        status: 207,
        body: '{"status":"COMPLETE","results":[{"objectWriteTraceId":9007199254740992},{"objectWriteTraceId":1}],"numErrors":1,"errors":[{"status":"error","message":"taken","context":{"objectWriteTraceId":[9007199254740993]}}]}',
      }),
    );
    expect(written).toBe(2);
    expect(letters).toEqual([expect.objectContaining({ record: { id: "9007199254740993" }, status: 207 })]);
  });

  test("by position, of a target that lists failures only", async () => {
    const bigQuery: Results = {
      list: "insertErrors",
      match: { position: "index" },
      unnamed: "success",
      refused: "errors",
      reason: "errors[0].reason",
    };
    const failed = await deliver(bigQuery, range(3), () => ({
      body: { insertErrors: [{ index: 2, errors: [{ reason: "invalid" }] }] },
    }));
    expect(failed.letters).toEqual([expect.objectContaining({ record: { id: 3 } })]);
    const whole = await deliver(bigQuery, range(3), () => ({ body: { kind: "insertAllResponse" } }));
    expect(whole).toMatchObject({ written: 3, letters: [] });
  });
});

describe("results that do not fit the records fail the run, and nothing is guessed", () => {
  const byId: Results = { list: "items", match: { result: "id", record: "id" }, success: "ok" };
  test.each<[string, Results, unknown, string]>([
    ["fewer", elasticsearch, { items: [indexed(201)] }, "and 1 result at `items` for 3 records"],
    [
      "more",
      elasticsearch,
      { items: Array.from({ length: 4 }, () => indexed(201)) },
      "4 results at `items` for 3",
    ],
    ["no list", elasticsearch, { error: "unknown index" }, "without a list of results at `items`"],
    ["a record without", byId, { items: [{ id: 1 }, { id: 2 }] }, "no result at `items` that names 3"],
    ["one too many", byId, { items: [1, 2, 3, 4].map((id) => ({ id })) }, "a result at `items` for 4"],
    [
      "one that names nothing",
      byId,
      { items: [{ id: 1 }, { id: null }, { id: 3 }] },
      "names no record in result 2",
    ],
    ["neither", elasticsearch, { items: [indexed(201), { update: {} }, indexed(201)] }, "fits neither"],
  ])("%s", async (_, results, body, message) => {
    const { error, letters } = await deliver(results, range(3), () => ({ body }));
    expect(error).toMatchObject({
      code: "ANSWER_UNCLEAR",
      message: expect.stringContaining(message),
      recoverable: false,
    });
    expect(letters).toEqual([]);
  });

  test("a record without the value", async () => {
    const { error } = await deliver(byId, [{ id: null }], () => ({ body: { items: [{ id: 1 }] } }));
    expect(error).toMatchObject({
      message: expect.stringContaining("record 1 of the request has null at `id`"),
    });
  });
});

test("whatever the target does with each record, it is taken once or a dead letter, in few requests", async () => {
  const fate = fc.constantFrom("take", "refuse", "limitOnce", "limitTwice");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fate, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 12 }),
      async (fates, size) => {
        const taken: number[] = [];
        const limited = new Map<number, number>();
        const { letters, requests, written } = await deliver(
          elasticsearch,
          range(fates.length),
          (request) => ({
            body: {
              items: idsIn(request).map((id) => {
                const seen = limited.get(id) ?? 0;
                limited.set(id, seen + 1);
                const wanted = fates[id - 1] === "limitOnce" ? 1 : fates[id - 1] === "limitTwice" ? 2 : 0;
                if (fates[id - 1] === "refuse") return indexed(400);
                if (seen < wanted) return indexed(429);
                taken.push(id);
                return indexed(201);
              }),
            },
          }),
          { batch: { size } },
        );
        const expected = range(fates.length).map(({ id }) => Number(id));
        const refused = expected.filter((id) => fates[id - 1] === "refuse");
        expect(taken.toSorted((a, b) => a - b)).toEqual(expected.filter((id) => !refused.includes(id)));
        expect(letters.map(({ record }) => record)).toEqual(ids(...refused));
        expect(written).toBe(taken.length);
        expect(requests.length).toBeLessThanOrEqual(3 * Math.ceil(fates.length / size));
      },
    ),
    { numRuns: 50 },
  );
});
