import { describe, expect, test } from "vitest";
import { TidemarkError } from "../../errors.ts";
import type { LetterStage, RefusalLimit } from "../on-error.ts";
import { RefusalAccount } from "./refusal-limit.ts";

interface Tried {
  readonly read?: number;
  readonly filtered?: number;
  readonly given?: number;
  readonly refused: Partial<Record<LetterStage, number>>;
}

function account(limit: RefusalLimit | null, { refused, read, filtered, given }: Tried): RefusalAccount {
  const made = new RefusalAccount(limit);
  const isNew = filtered ?? given ?? 0;
  made.read(read ?? isNew);
  made.filtered(isNew);
  made.handed(given ?? 0);
  made.given(given ?? 0);
  for (const stage of ["input", "filter", "output"] as const) {
    for (let n = 0; n < (refused[stage] ?? 0); n++) {
      made.refused({
        record: {},
        name: `record ${n}`,
        reason: new TidemarkError("OUTPUT_FAILED", "no"),
        stage,
      });
    }
  }
  return made;
}

const tooMany = expect.objectContaining({ code: "TOO_MANY_REFUSED" });
const judged = (limit: RefusalLimit | null, tried: Tried, atEnd: boolean) => () =>
  account(limit, tried).judge({ atEnd });

describe("without a limit", () => {
  test.each<[string, Tried]>([
    ["the output refused all it was given", { given: 200, refused: { output: 200 } }],
    ["the output refused the only record", { given: 1, refused: { output: 1 } }],
    ["the output refused all that filters kept", { filtered: 50, given: 1, refused: { output: 1 } }],
    ["a filter refused all", { filtered: 3, refused: { filter: 3 } }],
    [
      "filters refused some and the output the others",
      { filtered: 3, given: 1, refused: { filter: 2, output: 1 } },
    ],
    ["nothing could be read", { read: 2, refused: { input: 2 } }],
  ])("a run in which %s fails at its end", (_, tried) => {
    expect(judged(null, tried, true)).toThrow(tooMany);
  });

  test.each<[string, Tried]>([
    ["one of many is taken", { given: 200, refused: { output: 199 } }],
    ["filters dropped the others on purpose", { filtered: 3, refused: { filter: 1 } }],
    ["others could be read and are known", { read: 2, filtered: 0, refused: { input: 1 } }],
    ["nothing was refused", { given: 5, refused: {} }],
    ["nothing came", { refused: {} }],
  ])("a run in which %s is none", (_, tried) => {
    expect(judged(null, tried, true)).not.toThrow();
  });

  test("before the end it fails from 100 records on; until then nothing is committed", () => {
    expect(judged(null, { given: 99, refused: { output: 99 } }, false)).not.toThrow();
    expect(account(null, { given: 99, refused: { output: 99 } }).holdsBack).toBe(true);
    expect(judged(null, { given: 100, refused: { output: 100 } }, false)).toThrow(tooMany);
    expect(account(null, { given: 99, refused: { output: 98 } }).holdsBack).toBe(false);
  });

  test("what an endpoint has not answered yet is not tried", () => {
    const slow = account(null, { filtered: 200, refused: { output: 10 } });
    slow.handed(200);
    slow.given(10);
    expect(slow.holdsBack).toBe(true);
    slow.given(1);
    expect(slow.holdsBack).toBe(false);
  });

  test("a run whose filters keep little goes on from its checkpoints", () => {
    expect(account(null, { filtered: 5_000, given: 1, refused: { output: 1 } }).holdsBack).toBe(false);
  });
});

test("a share is of what was refused or given to the output; it is judged from 100 records on, and at the end", () => {
  const limit = { share: 0.05 };
  expect(judged(limit, { given: 100, refused: { output: 5 } }, true)).not.toThrow();
  expect(judged(limit, { given: 100, refused: { output: 6 } }, true)).toThrow(tooMany);
  expect(judged(limit, { filtered: 100, given: 95, refused: { filter: 5, output: 1 } }, false)).toThrow(
    tooMany,
  );
  expect(judged(limit, { given: 10, refused: { output: 1 } }, false)).not.toThrow();
  expect(judged(limit, { given: 10, refused: { output: 1 } }, true)).toThrow(
    expect.objectContaining({
      message: "1 of 10 records were refused, and `maxRefused` allows 5%; the first is record 0: no",
    }),
  );
});

test("a number is counted over all stages, and the next one fails the run at once", () => {
  expect(() =>
    account({ records: 3 }, { given: 9, refused: { input: 1, filter: 1, output: 1 } }),
  ).not.toThrow();
  expect(() => account({ records: 3 }, { given: 9, refused: { input: 1, filter: 1, output: 2 } })).toThrow(
    expect.objectContaining({
      message: expect.stringContaining("4 records were refused, and `maxRefused` allows 3"),
    }),
  );
  // The user's own number stands in the place of the default.
  expect(judged({ records: 3 }, { given: 3, refused: { output: 3 } }, true)).not.toThrow();
});

test("100% is no limit", () => {
  expect(judged({ share: 1 }, { given: 200, refused: { output: 200 } }, true)).not.toThrow();
});
