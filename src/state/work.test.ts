import { expect, test } from "vitest";
import { got, runAtOnce, runInTurn, type Work } from "./work.ts";

const later = (value: number): Promise<number> =>
  new Promise((resolve) => setImmediate(() => resolve(value)));

function* sum(first: number | Promise<number>, second: number | Promise<number>): Work<number> {
  return (yield* got(first)) + (yield* got(second));
}

test("work is done in one tick where every answer is there at once", () => {
  expect(runAtOnce(sum(1, 2))).toBe(3);
});

test("work waits for each answer that comes later", async () => {
  expect(await runInTurn(sum(later(1), 2))).toBe(3);
  expect(await runInTurn(sum(later(1), later(2)))).toBe(3);
});

test("work that would have to wait cannot be done at once", () => {
  expect(() => runAtOnce(sum(later(1), 2))).toThrow(/had the work wait/);
});

test("an answer that fails is thrown inside the work, which may go on", async () => {
  function* careful(): Work<string> {
    try {
      yield* got(Promise.reject(new Error("the server went away")));
      return "unseen";
    } catch (error) {
      return `caught: ${error instanceof Error ? error.message : ""}`;
    }
  }
  expect(await runInTurn(careful())).toBe("caught: the server went away");
  await expect(runInTurn(sum(Promise.reject(new Error("no answer")), 1))).rejects.toThrow("no answer");
});
