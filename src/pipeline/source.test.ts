import fc from "fast-check";
import { expect, test } from "vitest";
import { type ConfigPath, settingError } from "../findings.ts";
import { ExactNumber } from "../model/exact-number.ts";
import { readDocuments } from "./source.ts";

const findingsIn = (text: string) =>
  readDocuments(text, {}).flatMap(({ findings }) =>
    findings.map(({ line, column, code, message, hint }) => ({
      at: `${line}:${column}`,
      code,
      message,
      hint,
    })),
  );

test("every document of a file is read; those without content are left out", () => {
  const text = "# a comment\n---\na: 1\n---\n---\n# nothing\n---\nb: [x, 2, true, null]\n";
  expect(readDocuments(text, {}).map(({ value }) => value)).toEqual([{ a: 1 }, { b: ["x", 2, true, null] }]);
  expect(readDocuments("", {})).toEqual([]);
});

test("P7: numbers keep every digit", () => {
  const [source] = readDocuments("a: 12345678901234567890\nb: 0.1000000000000000055\nc: 1.5\nd: 0x1f\n", {});
  expect(source?.value).toEqual({
    a: new ExactNumber("12345678901234567890"),
    b: new ExactNumber("0.1000000000000000055"),
    c: 1.5,
    d: 31,
  });
});

test.each([
  ["a: 1\nb: 2\na: 3\n", "3:1", "KEY_DUPLICATE", "`a` is given twice"],
  ["a:\n  - { v: ${X} }\n", "2:11", "YAML_INVALID", "Unexpected flow-map-start"],
  ["\ta: 1\n", "1:1", "YAML_INVALID", "Tabs are not allowed"],
  ["a: b: c\n", "1:4", "YAML_INVALID", "Nested mappings"],
  ["a: *b\n", "1:4", "YAML_INVALID", "no anchor `&b`"],
  ["a: !mine 1\n", "1:4", "YAML_INVALID", "Unresolved tag"],
  ["? [a]\n: 1\n", "1:3", "YAML_INVALID", "a key is a text"],
  ["a: .nan\n", "1:4", "VALUE_INVALID", "`a`: .nan is not a number"],
  ["a: &a [*a]\n", "1:8", "YAML_INVALID", "more than 60 levels deep"],
  ["a: 1\r\nb: ${NOPE}\r\n", "2:4", "ENV_MISSING", "`b`: the environment variable NOPE is not set"],
  ["a: 'it''s ${NOPE}'\n", "1:4", "ENV_MISSING", "NOPE"],
  ["a: |\n  one\n    two ${NOPE}\n", "3:9", "ENV_MISSING", "NOPE"],
])("%j is reported once, at %s", (text, at, code, message) => {
  expect(findingsIn(text)).toEqual([
    expect.objectContaining({ at, code, message: expect.stringContaining(message) }),
  ]);
});

test("a variable in YAML braces is reported with the hint to quote it", () => {
  expect(findingsIn("a: { v: ${X} }\n")[0]?.hint).toContain('quotes: "${NAME}"');
});

test.each([
  ["streams:\n  - !public.tmp_*\n", "2:5", 'a text that begins with `!` needs quotes: "!public.tmp_*"'],
  ["streams: [ *.orders ]\n", "1:12", 'a text that begins with `*` needs quotes: "*.orders"'],
  ["streams:\n  - *\n", "2:5", 'a text that begins with `*` needs quotes: "*"'],
])("a pattern of streams without quotes is reported with the hint to quote it: %j", (text, at, hint) => {
  expect(findingsIn(text)).toContainEqual(expect.objectContaining({ at, code: "YAML_INVALID", hint }));
});

test("a small file that grows without end is refused, not read", () => {
  const layers = Array.from({ length: 9 }, (_, i) => {
    const inner = i === 0 ? "x" : `*l${i - 1}`;
    return `l${i}: &l${i} [${Array.from({ length: 10 }, () => inner).join(", ")}]`;
  });
  expect(findingsIn(layers.join("\n"))).toMatchObject([
    { message: "the document is larger than any pipeline" },
  ]);
  expect(findingsIn("[".repeat(20_000))).toHaveLength(1);
});

const place = (text: string, path: ConfigPath, part: "key" | "value", offset?: number) => {
  const [source] = readDocuments(text, {});
  const more = offset === undefined ? { part } : { part, offset };
  const { line, column } = source?.place(settingError("VALUE_INVALID", path, "", more)) ?? {};
  return `${line}:${column}`;
};

test("a finding stands at its key, its value, its text, or the nearest there is", () => {
  const text = [
    "input:",
    "  type: x",
    "  pages: { limit: 5 }",
    "  empty:",
    "filters:",
    '  - expression: "a > 1"',
    "    other: |",
    "      a >",
    "      b",
    "  - plain",
  ].join("\n");
  expect(place(text, ["input"], "key")).toBe("1:1");
  expect(place(text, ["input"], "value")).toBe("1:1");
  expect(place(text, ["input", "type"], "value")).toBe("2:9");
  expect(place(text, ["input", "pages", "limit"], "key")).toBe("3:12");
  expect(place(text, ["input", "pages"], "value")).toBe("3:10");
  expect(place(text, ["input", "missing", "deeper"], "value")).toBe("1:1");
  expect(place(text, ["input", "empty"], "value")).toBe("4:3");
  expect(place(text, ["filters", 0, "expression"], "value", 4)).toBe("6:22");
  expect(place(text, ["filters", 0, "other"], "value", 4)).toBe("9:7");
  expect(place(text, ["filters", 1], "value")).toBe("10:5");
  expect(place(text, ["filters", 7], "value")).toBe("5:1");
});

test("whatever the text, there are findings and values, and nothing is thrown", () => {
  const piece = fc.constantFrom(
    "a",
    ": ",
    "- ",
    "\n",
    "  ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "${A}",
    "${",
    "'",
    '"',
    "|\n",
    "#",
    "!t ",
    "? ",
    ",",
    "\t",
    "---\n",
    "5",
    "%",
    "\u0000",
    "é",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece, { maxLength: 40 }).map((parts) => parts.join("")),
        fc.string(),
      ),
      (text) => {
        for (const source of readDocuments(text, { A: "x" })) {
          for (const { line, column } of source.findings) {
            expect(line).toBeGreaterThan(0);
            expect(column).toBeGreaterThan(0);
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});
