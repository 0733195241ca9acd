import { describe, expect, test } from "vitest";
import { type HttpPollingKeys, type ReadResult, readOnce } from "../../../test/support/http-polling.ts";
import { sendJson, startHttpServer } from "../../../test/support/http-server.ts";

const row = (id: number) => ({ id });
const keys = { dataField: "data", key: "id", retry: { attempts: 1 } } as const;
const page = { type: "page", param: "page", limit: 2 } as const;
const cursor = { type: "cursor", param: "token", nextCursorField: "next" } as const;

/** Reads answers, one a request in turn; the last of them is given from then on. */
async function readAnswers(
  answers: readonly unknown[],
  declared: Partial<HttpPollingKeys> = {},
  { facts, query = "" }: { readonly facts?: ReadonlySet<string>; readonly query?: string } = {},
): Promise<ReadResult> {
  let asked = 0;
  await using server = await startHttpServer((_request, response) =>
    sendJson(response, answers[Math.min(asked++, answers.length - 1)]),
  );
  return await readOnce({ endpoint: `${server.origin}/${query}`, ...keys, ...declared }, {}, facts);
}

const full = { data: [row(1), row(2)], next: "a" };

/** What sources write beside an empty list, or in place of it, when they have failed. */
const failures: readonly (readonly [object, string])[] = [
  [{ partial: true }, "`partial` is true"],
  [{ isPartial: true }, "`isPartial` is true"],
  [{ truncated: true }, "`truncated` is true"],
  [{ incomplete: true }, "`incomplete` is true"],
  [{ complete: false }, "`complete` is false"],
  [{ degraded: true }, "`degraded` is true"],
  [{ status: "degraded" }, '`status`: "degraded"'],
  [{ timeout: true }, "`timeout` is true"],
  [{ failed: true }, "`failed` is true"],
  [{ failed_shards: 2 }, "`failed_shards` is 2"],
  [{ failures: [{ shard: 3 }] }, "`failures`"],
  [{ exceptions: ["lost"] }, "`exceptions`"],
  [{ errno: 110 }, "`errno` is 110"],
  [{ err: "boom" }, '`err`: "boom"'],
  [{ warnings: ["2 of 5 shards failed"] }, "2 of 5 shards failed"],
  [
    { meta: { status: "error", message: "backend down" } },
    '`meta.status`: "error", `meta.message`: "backend down"',
  ],
  [{ meta: { code: 500 } }, "`meta.code` is 500"],
  [{ info: { error: "backend timeout" } }, '`info.error`: "backend timeout"'],
  [{ response: { status: "ERROR" } }, '`response.status`: "ERROR"'],
  [{ ret: -1, msg: "system busy" }, "`ret` is -1"],
  [{ retCode: 10_006, retMsg: "come later" }, '`retCode` is 10006, `retMsg`: "come later"'],
  [{ resultCode: "ERROR" }, '`resultCode`: "ERROR"'],
  [{ responseStatus: "FAILURE" }, '`responseStatus`: "FAILURE"'],
  [{ stat: "fail" }, '`stat`: "fail"'],
  [{ status: "OVER_QUERY_LIMIT" }, "OVER_QUERY_LIMIT"],
  [{ Information: "the daily limit is 25" }, "the daily limit is 25"],
  [{ notice: "Some results could not be loaded" }, "Some results could not be loaded"],
  [{ message: "Only the first 30 results are available" }, "Only the first 30"],
  [{ message: "No data was returned by two shards: timeout" }, "two shards"],
  [{ maintenance: true }, "`maintenance` is true"],
  [{ retry_after: 30 }, "`retry_after` is 30"],
];

/** What sources write beside an empty list, or in place of it, when there is nothing. */
const quiet: readonly object[] = [
  { success: false, message: "No data found" },
  { ok: false, error: "no_data" },
  { status: "error", message: "No records found" },
  { success: 0, failed: 0 },
  { status: "empty" },
  { status: "ZERO_RESULTS" },
  { message: "You have reached the end of the list" },
  { message: "No further results" },
  { message: "Everything is up to date" },
  { warnings: ["the field `x` is deprecated"] },
  { errors: "No errors" },
  { error: "n/a" },
  { code: "A00000", message: "success" },
  { retCode: 0, retMsg: "OK" },
  { ret: 1, msg: "success" },
  {
    partial: false,
    truncated: false,
    degraded: false,
    complete: true,
    failed: 0,
    failures: [],
    exceptions: null,
  },
  { timeout: 30, took: 4, failed: 3 },
  { meta: { status: "ok", code: 200, request: { status: "failed" } } },
  { prev: "?page=1", previous_page: "abc", empty: true, isLast: true, noMoreResults: true, hasMore: false },
  { nextSyncToken: "abc", token: "abc" },
  { filters: { status: "failed" }, query: { state: "error" }, links: { error: "/errors" } },
];

describe("P15: an empty list next to words for a failure", () => {
  test.each(failures)("behind a page with records it is no end: %j", async (envelope, words) => {
    const { records, error } = await readAnswers([full, { data: [], ...envelope }], { pagination: page });
    expect(records).toEqual(full.data);
    expect(error).toMatchObject({ code: expect.stringMatching(/^SOURCE_(?:PARTIAL|UNAVAILABLE)$/) });
    expect(String(error)).toContain(words);
  });

  test("fails where it is the only page, and where a token says that nothing follows", async () => {
    for (const [envelope] of failures) {
      const only = await readAnswers([{ data: [], ...envelope }]);
      const last = await readAnswers([full, { data: [], next: null, ...envelope }], { pagination: cursor });
      expect([envelope, only.error, last.error]).toEqual([envelope, expect.any(Error), expect.any(Error)]);
    }
  });

  test("is a page in the middle where a token leads on, and words may mean that", async () => {
    const middle = { data: [], next: "b", partial: true, truncated: true, complete: false };
    const { records, error, messages } = await readAnswers([full, middle, { data: [row(3)], next: null }], {
      pagination: cursor,
    });
    expect([records.length, error, messages]).toEqual([3, null, []]);
  });

  test.each(quiet.map((envelope) => [envelope] as const))(
    "says only that there is nothing: %j",
    async (envelope) => {
      const behind = await readAnswers([full, { data: [], ...envelope }], {
        pagination: { ...page, limit: 3 },
      });
      const only = await readAnswers([{ data: [], ...envelope }]);
      expect([behind.error, behind.messages, only.error, only.messages]).toEqual([null, [], null, []]);
    },
  );

  test("a field that only repeats what was asked is no sign", async () => {
    const answer = { data: [], status: "failed", partial: true };
    const echoed = await readAnswers([answer], {}, { query: "?status=failed&partial=true" });
    expect(echoed.error).toBeNull();
    expect((await readAnswers([answer], {}, { query: "?status=done" })).error).not.toBeNull();
  });

  test("flags and sentences that come with the last, empty page alone are reported with their keys", async () => {
    const odd = { data: [], brownout: true, remark: "Come again soon", version: 3, trace: "ab-12" };
    const { error, messages } = await readAnswers([full, odd], { pagination: page });
    expect(error).toBeNull();
    expect(messages).toEqual([
      expect.stringMatching(/^HALF_ANSWER_DOUBTED: page 2 has no records, and `brownout`, `remark`, which/),
    ]);
    expect(messages[0]).toContain("`errorField: null`");
    const usual = await readAnswers([{ ...full, brownout: true, remark: "Hello you" }, odd], {
      pagination: page,
    });
    expect(usual.messages).toEqual([]);
    expect((await readAnswers([full, odd], { pagination: page, errorField: null })).messages).toEqual([]);
  });
});

describe("P15: a list of records next to words for a failure", () => {
  const half = (envelope: object) => ({ data: [row(3)], ...envelope });

  test.each(failures.filter(([envelope]) => !("complete" in envelope) && !("retry_after" in envelope)))(
    "is taken, and told with the words: %j",
    async (envelope, words) => {
      const { records, error, messages } = await readAnswers([full, half({ ...envelope }), { data: [] }], {
        pagination: page,
      });
      expect(error).toBeNull();
      expect(records).toHaveLength(3);
      expect(messages).toEqual([
        expect.stringMatching(/^HALF_ANSWER_DOUBTED: page 2 has 1 record, and says that it failed/),
      ]);
      expect(messages[0]).toContain(words);
    },
  );

  test("a sure failure is reported in each run, and words that all answers have once", async () => {
    const always = async (envelope: object): Promise<string[][]> => {
      const first = await readAnswers([{ ...full, ...envelope }], {});
      const second = await readAnswers([{ ...full, ...envelope }], {}, { facts: first.facts });
      return [first, second].map(({ warnings }) => warnings.filter((code) => code === "HALF_ANSWER_DOUBTED"));
    };
    const told = ["HALF_ANSWER_DOUBTED"];
    const alone = { next: undefined };
    expect(await always({ status: "error", ...alone })).toEqual([told, told]);
    expect(await always({ message: "the limit is 100 a page", ...alone })).toEqual([told, []]);
    expect(await always({ partial: true, ...alone })).toEqual([told, []]);
  });

  test("pages that say by `partial` that more follows are no halves", async () => {
    const pages = [
      { ...full, partial: true },
      { data: [row(3)], next: null, partial: false },
    ];
    expect((await readAnswers(pages, { pagination: cursor })).messages).toEqual([]);
  });

  test.each(quiet.filter((envelope) => !("success" in envelope || "ok" in envelope || "status" in envelope)))(
    "is whole beside %j",
    async (envelope) => {
      const { error, warnings } = await readAnswers([half(envelope), { data: [] }], { pagination: page });
      expect([error, warnings.includes("HALF_ANSWER_DOUBTED")]).toEqual([null, false]);
    },
  );
});

describe("P15: a first page without the list, in a later run", () => {
  const known = async (): Promise<ReadonlySet<string>> =>
    (await readAnswers([{ ...full, next: undefined, version: 1 }])).facts;

  test("is no quiet run where it has words for a failure", async () => {
    const facts = await known();
    for (const [envelope] of failures) {
      const { error } = await readAnswers([envelope], {}, { facts });
      expect([envelope, error]).toEqual([envelope, expect.any(Error)]);
    }
  });

  test("that is throttled is asked for again", async () => {
    const note = { Note: "Our standard API call frequency is 5 calls per minute" };
    const read = await readAnswers([note, full], { retry: { attempts: 2 } }, { facts: await known() });
    expect([read.error, read.records]).toEqual([null, full.data]);
  });

  test("is reported where it has none of the keys that answers with a list had, and another", async () => {
    const facts = await known();
    const odd = await readAnswers([{ brownout: 1 }], {}, { facts });
    expect(odd.messages).toEqual([
      expect.stringMatching(/^HALF_ANSWER_DOUBTED: page 1 has no records, and `brownout`/),
    ]);
    for (const fine of [
      {},
      { version: 1, brownout: 1 },
      { message: "No changes" },
      { count: 0 },
      { result: "idle" },
    ])
      expect((await readAnswers([fine], {}, { facts })).messages).toEqual([]);
    expect((await readAnswers([{ brownout: 1 }], {}, { facts: new Set(["list:data"]) })).messages).toEqual(
      [],
    );
  });
});
