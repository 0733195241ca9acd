import { expect, test } from "vitest";
import { backOffMs } from "./back-off.ts";

test("waits twice as long each time, up to the most", () => {
  const most = [1, 2, 3, 4, 10, 1000].map((failures) => backOffMs(failures, () => 1));
  expect(most).toEqual([1000, 2000, 4000, 8000, 300_000, 300_000]);
});

test("leaves one half to chance", () => {
  expect(backOffMs(3, () => 0)).toBe(2000);
  expect(backOffMs(3, () => 0.5)).toBe(3000);
});
