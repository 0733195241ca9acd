import { expect, test } from "vitest";
import { visibleLine, visibleText } from "./terminal-text.ts";

test.each([
  ["a title of the window", "\u001b]0;owned\u0007", "\\u001b]0;owned\\u0007"],
  ["a cleared screen", "\u001b[2J", "\\u001b[2J"],
  ["the eight-bit form of the same", "\u009b2J", "\\u009b2J"],
  ["a line written over", "done\rgone", "done\\u000dgone"],
  ["text in another order", "abc\u202efdp.exe", "abc\\u202efdp.exe"],
  ["text that is hidden", "\u001b[8msecret", "\\u001b[8msecret"],
  ["what only looks like a colour", "\u0007[31m", "\\u0007[31m"],
  ["our own colours, lines and tabs", "\u001b[31mred\u001b[39m\n\tnext", "\u001b[31mred\u001b[39m\n\tnext"],
  ["other scripts and signs", "é 日本語 👩‍🚀 مرحبا", "é 日本語 👩‍🚀 مرحبا"],
])("what a terminal would obey is shown instead: %s", (_what, text, visible) => {
  expect(visibleText(text)).toBe(visible);
});

test("JSON stays the same JSON", () => {
  const value = { "\u202e": "\u009b2J\u007f\u2028", deep: ["\u0007"] };
  expect(JSON.parse(visibleText(JSON.stringify(value)))).toEqual(value);
});

test.each([
  ["a colour", "a\u001b[31mb", "a\\u001b[31mb"],
  ["a cleared screen", "a\u001b[2Jb", "a\\u001b[2Jb"],
  ["a title, with the text in it", "a\u001b]0;owned\u0007b", "a\\u001b]0;owned\\u0007b"],
  ["C1", "a\u009bb", "a\\u009bb"],
  ["line breaks and tabs", "a\r\n\tb", "a b"],
])("nothing of another's line is left out: %s", (_, text, visible) => {
  expect(visibleLine(text)).toBe(visible);
});
