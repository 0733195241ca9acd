import { expect, test } from "vitest";
import { nextLink } from "./link-header.ts";

test.each<[string | undefined, string | null]>([
  ['<https://a/x?page=2>; rel="next"', "https://a/x?page=2"],
  ["</x?page=2>;rel=next", "/x?page=2"],
  ['<https://a/1>; rel="prev", <https://a/3>; rel="next", <https://a/9>; rel="last"', "https://a/3"],
  ['<https://a/3,4;5>; rel="next"', "https://a/3,4;5"],
  ['<https://a/3>; title="a, b; rel=\\"prev\\""; rel="last next"', "https://a/3"],
  ["<https://a/3> ; REL = Next", "https://a/3"],
  ['<https://a/3>; rel="prev"; rel="next"', null],
  ['<https://a/3>; rel="next"; anchor="#other"', null],
  ['<https://a/3>; rel="nextish"', null],
  ['<https://a/3>; title="rel=next"', null],
  ['<https://a/3>; rel="next"; results="false"; cursor="0:100:0"', null],
  ['<https://a/3>; rel="next"; results="true"; cursor="0:100:0"', "https://a/3"],
  ["<https://a/3>", null],
  ["nothing of the kind", null],
  ["", null],
  [undefined, null],
])("%j", (header, expected) => {
  expect(nextLink(header)).toBe(expected);
});
