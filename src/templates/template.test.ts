import { describe, expect, it, test } from "vitest";
import { ExactNumber } from "../model/exact-number.ts";
import { stringifyJson } from "../model/json.ts";
import { compileTemplate, compileText, hasPlaceholder, templateProblems } from "./template.ts";

const record = {
  id: new ExactNumber("9007199254740993"),
  amount: 12.5,
  paid: false,
  name: 'O"Brien',
  note: null,
  empty: "",
  customer: { id: 7, tags: ["a", "b"] },
  "dotted.name": "literal",
};

describe("a template", () => {
  it("puts a value with its type where a text is one placeholder", () => {
    const fill = compileTemplate({
      id: "{{ id }}",
      paid: "{{paid}}",
      customer: { tags: "{{ customer.tags }}", first: "{{ customer.tags.0 }}" },
      note: "{{ note }}",
      literal: "{{ dotted.name }}",
      kind: "order",
      version: 2,
    });
    expect(stringifyJson(fill(record))).toBe(
      '{"id":9007199254740993,"paid":false,"customer":{"tags":["a","b"],"first":"a"},"note":null,"literal":"literal","kind":"order","version":2}',
    );
  });

  it("leaves a field out where the record has nothing, and keeps an element's place in a list", () => {
    const fill = compileTemplate({ missing: "{{ nothing.here }}", list: ["{{ nothing }}", "{{ amount }}"] });
    expect(fill(record)).toEqual({ list: [null, 12.5] });
  });

  it("makes texts of values within a text, with every digit", () => {
    const fill = compileTemplate("{{ name }} owes {{amount}} for {{ id }}{{ empty }}: {{ paid }}");
    expect(fill(record)).toBe('O"Brien owes 12.5 for 9007199254740993: false');
  });

  it.each([
    ["nothing", "{{ missing }}"],
    ["null", "{{ note }}"],
    ["a list", "{{ customer.tags }}"],
    ["an object", "{{ customer }}"],
  ])("refuses %s within a text", (_, placeholder) => {
    expect(() => compileTemplate(`x ${placeholder}`)(record)).toThrow(
      expect.objectContaining({
        code: "RECORD_INVALID",
        message: expect.stringContaining(placeholder),
      }),
    );
  });

  it("takes the whole record for a dot", () => {
    expect(compileTemplate({ data: "{{ . }}" })(record)).toEqual({ data: record });
  });

  it("keeps `{{` that is escaped, also beside placeholders", () => {
    expect(compileTemplate({ a: "\\{{ id }}", b: "\\{{{{ amount }}" })(record)).toEqual({
      a: "{{ id }}",
      b: "{{12.5",
    });
    expect(hasPlaceholder({ a: ["\\{{ id }}"] })).toBe(false);
  });

  it("makes a field of any name its own", () => {
    const fill = compileTemplate(JSON.parse('{"__proto__": "{{ amount }}"}'));
    expect(stringifyJson(fill(record))).toBe('{"__proto__":12.5}');
  });
});

test("a text for a header or parameter is missing where its one placeholder has no value", () => {
  expect(compileText("{{ missing }}")(record)).toBeUndefined();
  expect(compileText("{{ note }}")(record)).toBeUndefined();
  expect(compileText("{{ empty }}")(record)).toBe("");
  expect(compileText("{{ id }}")(record)).toBe("9007199254740993");
  expect(() => compileText("{{ customer }}")(record)).toThrow("an object");
  expect(() => compileText("Bearer {{ missing }}")(record)).toThrow("has nothing there");
});

test.each([
  ["{{ id", [], "begins a placeholder"],
  ["{{ }}", [], "is no placeholder"],
  ["{{ a..b }}", [], "is no placeholder"],
  [{ a: [{ b: "{{" }] }, ["a", 0, "b"], "begins a placeholder"],
  [{ "{{ id }}": 1 }, ["{{ id }}"], "field's name"],
])("an error in %j is reported at its place", (template, path, message) => {
  expect(templateProblems(template)).toEqual([{ path, message: expect.stringContaining(message) }]);
});

test("a template without errors has no problems", () => {
  expect(templateProblems({ a: ["{{ x.y }}", "\\{{", 1, null], b: "{{.}} }}" })).toEqual([]);
});
