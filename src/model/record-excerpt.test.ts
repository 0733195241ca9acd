import { expect, test } from "vitest";
import { recordExcerpt } from "./record-excerpt.ts";

test("a record is shown with every digit, up to a length", () => {
  expect(recordExcerpt({ id: 9007199254740993n }, 100)).toBe('{"id":9007199254740993}');
  expect(recordExcerpt({ text: "abcdef" }, 10)).toBe('{"text":"a…');
});

test("a record that JSON cannot hold does not hide the error that it is shown in", () => {
  const holdsItself: Record<string, unknown> = {};
  holdsItself.self = holdsItself;
  expect(recordExcerpt(holdsItself, 100)).toBe("one that JSON cannot hold");
});
