import { describe, expect, test } from "vitest";
import { type HttpPollingKeys, type ReadResult, readOnce } from "../../../test/support/http-polling.ts";
import { sendJson, startHttpServer } from "../../../test/support/http-server.ts";

const keys = { dataField: "data", key: "id", retry: { attempts: 2 } } as const;
const offset = { type: "offset", param: "offset", limit: 2 } as const;
const row = (id: number) => ({ id });
const full = [row(1), row(2)];

/** Reads answers, one a request in turn; the last of them is given from then on. */
async function readAnswers(
  answers: readonly object[],
  facts?: ReadonlySet<string>,
  declared: Partial<HttpPollingKeys> = {},
): Promise<ReadResult> {
  let asked = 0;
  await using server = await startHttpServer((_request, response) =>
    sendJson(response, answers[Math.min(asked++, answers.length - 1)]),
  );
  return await readOnce({ endpoint: server.origin, ...keys, pagination: offset, ...declared }, {}, facts);
}

/** What healthy sources say of each of their answers. */
const notices = [
  { notice: "API v1 will be retired on 2027-01-31. Requests will fail after that date." },
  { message: "Rate limit: 99 of 100 requests remaining" },
  { message: "Free tier: upgrade to remove limits. Errors are not supported." },
  { meta: { info: "Calls beyond the quota of 500 fail" } },
] as const;
const reports = [{ passes: 97, failures: 3 }, { meta: { errors: 2 } }, { partial: true }] as const;
const doubted = /^HALF_ANSWER_DOUBTED: page \d has (?:no|\d+) records/;

describe("words that stand next to the records of every answer", () => {
  test.each(notices)("say nothing of the empty page behind them: %j", async (said) => {
    const read = await readAnswers([
      { data: full, ...said },
      { data: [row(3)], ...said },
      { data: [], ...said },
    ]);
    expect([read.error, read.records.length, read.warnings]).toEqual([null, 3, ["HALF_ANSWER_DOUBTED"]]);
    const later = await readAnswers(
      [
        { data: [row(3)], ...said },
        { data: [], ...said },
      ],
      read.facts,
    );
    expect([later.error, later.warnings]).toEqual([null, []]);
  });

  test("may count on from answer to answer", async () => {
    const said = (left: number): object => ({ message: `Rate limit: ${left} of 100 requests remaining` });
    const read = await readAnswers([
      { data: full, ...said(99) },
      { data: [], ...said(98) },
    ]);
    expect([read.error, read.warnings]).toEqual([null, ["HALF_ANSWER_DOUBTED"]]);
  });

  test.each(notices)(
    "say nothing of an empty answer of a later run, and are told there once: %j",
    async (said) => {
      const first = await readAnswers([
        { data: full, ...said },
        { data: [], ...said },
      ]);
      const second = await readAnswers([{ data: [], ...said }], first.facts);
      const third = await readAnswers([{ data: [], ...said }], second.facts);
      expect([second.error, third.error, third.warnings]).toEqual([null, null, []]);
      expect(second.messages).toEqual([expect.stringMatching(/^HALF_ANSWER_DOUBTED: page 1 has no records/)]);
    },
  );

  test.each(reports)("are told of each empty page where they are no texts for people: %j", async (said) => {
    const first = await readAnswers([
      { data: full, ...said },
      { data: [], ...said },
    ]);
    expect(first.error).toBeNull();
    expect(first.messages).toEqual([expect.stringMatching(doubted), expect.stringMatching(doubted)]);
    const quiet = await readAnswers([{ data: [], ...said }], first.facts);
    expect([quiet.error, quiet.warnings]).toEqual([null, ["HALF_ANSWER_DOUBTED"]]);
  });
});

describe("P15: words for a failure next to an empty page", () => {
  const failed = { message: "Two shards timed out" };

  test("count where an answer with records of the read lacks them, or says something else", async () => {
    for (const before of [{}, { message: "Backend busy" }]) {
      const answers = [
        { data: full, ...failed },
        { data: [row(3)], ...before },
        { data: [], ...failed },
      ];
      expect((await readAnswers(answers)).error).toMatchObject({ code: "SOURCE_PARTIAL" });
    }
  });

  test("count where the last read with records lacked them", async () => {
    const half = await readAnswers([{ data: full, ...failed }, { data: [] }]);
    const whole = await readAnswers([{ data: full }, { data: [] }], half.facts);
    const { error } = await readAnswers([{ data: [], ...failed }], whole.facts);
    expect(error).toMatchObject({ code: "SOURCE_PARTIAL" });
  });

  test("count next to words that are usual", async () => {
    const [said] = notices;
    const answers = [
      { data: full, ...said },
      { data: [], ...said, degraded: true },
    ];
    expect((await readAnswers(answers)).error).toMatchObject({
      code: "SOURCE_PARTIAL",
      message: expect.stringContaining("`degraded` is true"),
    });
  });

  test("are asked again where they are new and speak of a limit", async () => {
    const said = (text: string): object => ({ message: text });
    const answers = [
      { data: full, ...said("Welcome") },
      { data: [], ...said("Rate limit exceeded") },
    ];
    expect((await readAnswers(answers)).error).toMatchObject({ code: "SOURCE_UNAVAILABLE" });
  });
});

describe("a sentence that only empty pages have", () => {
  test("is reported once, another one again, and a flag each time", async () => {
    const empty = (said: object): object[] => [{ data: full }, { data: [], ...said }];
    const first = await readAnswers(empty({ hint: "try a wider range" }));
    const second = await readAnswers(empty({ hint: "try a wider range" }), first.facts);
    const other = await readAnswers(empty({ hint: "come back later" }), second.facts);
    expect([first, second, other].map(({ warnings }) => warnings.length)).toEqual([1, 0, 1]);
    const flagged = await readAnswers(empty({ brownout: true }));
    expect((await readAnswers(empty({ brownout: true }), flagged.facts)).warnings).toHaveLength(1);
  });
});

describe("pages that say that they are truncated, while pages are counted", () => {
  const page = (from: number, count: number, flag?: boolean): object => ({
    data: Array.from({ length: count }, (_, index) => row(from + index)),
    ...(flag === undefined ? {} : { IsTruncated: flag }),
  });

  test("speak of the next page, where the last one with records says that it is not", async () => {
    const answers = [page(1, 2, true), page(3, 2, true), page(5, 1, false), page(6, 0, false)];
    const { error, records, warnings } = await readAnswers(answers);
    expect([error, records.length, warnings]).toEqual([null, 5, []]);
  });

  test.each<[string, object[], number]>([
    ["the last one says so", [page(1, 2, true), page(3, 1, true), page(4, 0, false)], 2],
    ["the last one says nothing", [page(1, 2, true), page(3, 1), page(4, 0)], 1],
    ["one of them is smaller", [page(1, 1, true), page(3, 2, false), page(5, 0, false)], 1],
    [
      "only one in the middle has it",
      [page(1, 2, false), page(3, 2, true), page(5, 1, false), page(6, 0)],
      1,
    ],
    ["no page with records follows", [page(1, 2, true), page(3, 0, false)], 1],
  ])("P15: are reported where %s", async (_why, answers, most) => {
    const { error, warnings } = await readAnswers(answers);
    expect(error).toBeNull();
    expect(warnings.length).toBeGreaterThan(0);
    expect(warnings).toEqual(Array(Math.min(most, warnings.length)).fill("HALF_ANSWER_DOUBTED"));
  });

  test("P15: and that have no records fail", async () => {
    const { error } = await readAnswers([page(1, 2, true), page(3, 0, true)]);
    expect(error).toMatchObject({ code: "SOURCE_PARTIAL" });
  });

  test("P15: are reported where the read fails behind them", async () => {
    const { error, warnings } = await readAnswers([page(1, 2, true), { fault: "lost" }]);
    expect([error === null, warnings]).toEqual([false, ["HALF_ANSWER_DOUBTED"]]);
  });
});

describe("a list of errors that are all warnings", () => {
  const errors = (message: string, said: object): object => ({ errors: [{ message, ...said }] });
  const deprecated = "the field `x` is deprecated";

  test.each([{ severity: "WARNING" }, { level: "info" }, { extensions: { severity: "warning" } }])(
    "is no failure: %j",
    async (said) => {
      const { error, records, warnings } = await readAnswers([
        { data: full, ...errors(deprecated, said) },
        { data: [], ...errors(deprecated, said) },
      ]);
      expect([error, records.length, warnings]).toEqual([null, 2, []]);
    },
  );

  test("P15: is reported where its words speak of trouble, and fails next to an empty list", async () => {
    const said = errors("one shard timed out", { severity: "WARNING" });
    const half = await readAnswers([{ data: full, ...said }, { data: [] }]);
    expect([half.error, half.warnings]).toEqual([null, ["HALF_ANSWER_DOUBTED"]]);
    const empty = await readAnswers([{ data: full }, { data: [], ...said }]);
    expect(empty.error).toMatchObject({ code: "SOURCE_PARTIAL" });
  });

  test.each([
    {
      errors: [
        { severity: "WARNING", message: "x" },
        { severity: "ERROR", message: "y" },
      ],
    },
    { errors: [{ severity: "FATAL" }] },
    { errors: [{ message: "lost" }] },
  ])("P15: is a failure where one of them is no warning: %j", async (said) => {
    expect((await readAnswers([{ data: full, ...said }])).error).toMatchObject({ code: "SOURCE_PARTIAL" });
  });
});
