import { expect, test } from "vitest";
import { deadlineMs, deadlineSchema } from "./deadline.ts";

test.each([
  ["1s", 1000],
  ["90s", 90_000],
  ["30m", 1_800_000],
  ["PT2H", 7_200_000],
  ["7d", 604_800_000],
])("a deadline of %s", (text, milliseconds) => {
  expect(deadlineMs(text)).toBe(milliseconds);
});

test.each(["0s", "500ms", "8d", "soon", "", "30", "-5m", "P1M"])("%j is refused", (text) => {
  expect(deadlineSchema.safeParse(text).success).toBe(false);
});
