import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ExactNumber } from "../model/exact-number.ts";
import { bodyKindOf, encodeForm, formLists, writerFor } from "./body-text.ts";

test.each([
  ["application/x-www-form-urlencoded; charset=UTF-8", "form"],
  ["Application/JSON", "json"],
  ["application/vnd.api+json", "json"],
  ["text/xml", "xml"],
  ["application/soap+xml; action=x", "xml"],
  ["multipart/form-data; boundary=x", "multipart"],
  ["text/plain", "text"],
  ["", "text"],
])("%j is of kind %s", (contentType, kind) => expect(bodyKindOf(contentType)).toBe(kind));

describe("a form", () => {
  const decoded = (text: string): string[] =>
    [...new URLSearchParams(text)].map(([name, value]) => `${name}=${value}`);

  test("encodes names and values", () => {
    expect(encodeForm({ name: "Smith & Sons=1", ref: 1 }, "indices")).toBe("name=Smith+%26+Sons%3D1&ref=1");
  });

  test("has nested names, keeps every digit, and has no place for nothing", () => {
    const fields = {
      a: { b: { c: true } },
      big: new ExactNumber("9007199254740993"),
      none: null,
      gone: undefined,
      empty: {},
      list: [],
    };
    expect(decoded(encodeForm(fields, "indices"))).toEqual(["a[b][c]=true", "big=9007199254740993", "none="]);
  });

  test.each([
    ["indices", ["tags[0]=a", "tags[1]=b", "items[0][id]=1"]],
    ["brackets", ["tags[]=a", "tags[]=b", "items[][id]=1"]],
  ] as const)("writes lists by %s", (lists, pairs) => {
    expect(decoded(encodeForm({ tags: ["a", "b"], items: [{ id: 1 }] }, lists))).toEqual(pairs);
  });

  test("repeats names, and refuses what they cannot tell apart", () => {
    expect(encodeForm({ tags: ["a", "b"] }, "repeat")).toBe("tags=a&tags=b");
    expect(() => encodeForm({ items: [{ id: 1 }] }, "repeat")).toThrow(
      /`items` is a list of lists or objects/,
    );
    expect(() => encodeForm({ a: "\ud800" }, "repeat")).toThrow(/half a character/);
  });

  test("of texts says what they were, whatever they hold", () => {
    const fields = fc.dictionary(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }));
    fc.assert(
      fc.property(fields, fc.constantFrom(...formLists), (record, lists) => {
        const parsed = Object.fromEntries(new URLSearchParams(encodeForm(record, lists)));
        expect(parsed).toEqual({ ...record });
      }),
    );
  });
});

describe("no value of a text template changes what is around it", () => {
  const text = fc.string({ unit: "grapheme" });

  test("in a form", () => {
    fc.assert(
      fc.property(text, (value) => {
        const sent = `a=${writerFor("form", "a=")(value)}&b=2`;
        expect([...new URLSearchParams(sent)]).toEqual([
          ["a", value],
          ["b", "2"],
        ]);
      }),
    );
  });

  test("in JSON, inside and outside quotes", () => {
    fc.assert(
      fc.property(text, (value) => {
        const inside = writerFor("json", '{"x": "said \\"hi\\", ')(value);
        expect(JSON.parse(`{"a": "${inside}", "b": 2}`)).toEqual({ a: value, b: 2 });
        const outside = writerFor("json", '{"x": "y", "a": ')(value);
        const read: unknown = JSON.parse(`{"a": ${outside}, "b": 2}`);
        expect(Object.keys(Object(read))).toEqual(["a", "b"]);
      }),
    );
    expect(["1", "-1.5e3", "true", "x", "1,2", '"'].map(writerFor("json", '{"a": '))).toEqual([
      "1",
      "-1.5e3",
      "true",
      '"x"',
      '"1,2"',
      '"\\""',
    ]);
  });

  test("in XML, also inside CDATA", () => {
    expect(writerFor("xml", "<a>")(`</a><b c="1">&'`)).toBe("&lt;/a&gt;&lt;b c=&quot;1&quot;&gt;&amp;&apos;");
    expect(writerFor("xml", "<a><![CDATA[")("x]]><b/>&")).toBe("x]]]]><![CDATA[><b/>&");
    expect(writerFor("xml", "<![CDATA[x]]><a>")("<")).toBe("&lt;");
  });
});
