import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ExactNumber } from "./exact-number.ts";
import { contentHash, identityOf } from "./identity.ts";
import { parseJson } from "./json.ts";
import { isRecord, parsePath } from "./record.ts";

const byKey = (...paths: string[]) => ({ key: paths.map(parsePath), content: false });

describe("identity by key", () => {
  test("short keys stay readable", () => {
    expect(identityOf({ id: "us1000abc" }, byKey("id"))).toBe('"us1000abc"');
    expect(identityOf({ id: 42, place: { region: "eu" } }, byKey("id", "place.region"))).toBe('42,"eu"');
  });

  test("parts cannot run into one another", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string(), { minLength: 2, maxLength: 2 }),
        fc.array(fc.string(), { minLength: 2, maxLength: 2 }),
        (a, b) => {
          const [x, y] = [a, b].map(([left, right]) => identityOf({ left, right }, byKey("left", "right")));
          expect(x === y).toBe(a[0] === b[0] && a[1] === b[1]);
        },
      ),
    );
    expect(identityOf({ a: '1","2', b: "3" }, byKey("a", "b"))).not.toBe(
      identityOf({ a: "1", b: '2","3' }, byKey("a", "b")),
    );
  });

  test("numbers are one however they are held, and never a text", () => {
    const id = (value: unknown) => identityOf({ id: value }, byKey("id"));
    expect(id(new ExactNumber("5.0"))).toBe(id(5));
    expect(id(9007199254740993n)).toBe(id(new ExactNumber("9007199254740993")));
    expect(id("5")).not.toBe(id(5));
    expect(id("true")).not.toBe(id(true));
    expect(id(new ExactNumber("9007199254740993"))).not.toBe(id(new ExactNumber("9007199254740992")));
  });

  test("long keys are hashed to a short text", () => {
    const [a, b] = ["a", "b"].map((end) => identityOf({ id: "x".repeat(500) + end }, byKey("id")));
    expect(a).toHaveLength(23);
    expect(a).not.toBe(b);
  });

  test.each([
    ["missing", {}, /no value at its key event\.id/],
    ["null", { event: { id: null } }, /key event\.id is null/],
    ["an object", { event: { id: {} } }, /key event\.id is an object/],
    ["a list", { event: { id: [1] } }, /key event\.id is a list/],
    ["not a number", { event: { id: Number.NaN } }, /key event\.id is NaN/],
  ])("a key that is %s is an error naming its path", (_, record, message) => {
    expect(() => identityOf(record, byKey("event.id"))).toThrow(
      expect.objectContaining({ code: "RECORD_INVALID", message: expect.stringMatching(message) }),
    );
  });
});

describe("identity by content", () => {
  test("tells changed records of one key apart", () => {
    const plan = { key: [["id"]], content: true };
    const [a, b, c] = [1, 2, 1].map((amount) => identityOf({ id: "x", amount }, plan));
    expect(a).not.toBe(b);
    expect(a).toBe(c);
    expect(identityOf({ a: 1 }, { key: null, content: true })).toBe(contentHash({ a: 1 }));
  });

  test("the order of fields and the spelling of numbers make no difference", () => {
    const one = parseJson('{"a":1.0,"b":{"c":[1,{"x":1e21,"y":null}],"d":"é"}}');
    const other = parseJson('{"b":{"d":"\\u00e9","c":[1.00,{"y":null,"x":1000000000000000000000}]},"a":1}');
    if (!isRecord(one) || !isRecord(other)) throw new Error("not records");
    expect(contentHash(one)).toBe(contentHash(other));
    expect(contentHash(one)).toMatch(/^[\w-]{22}$/);
  });

  test.each([
    [{ a: 1 }, { a: "1" }],
    [{ a: null }, {}],
    [{ a: [1, 2] }, { a: [2, 1] }],
    [{ a: [1, [2]] }, { a: [[1], 2] }],
    [{ a: { b: 1 } }, { a: [1] }],
    [{ 'a":1,"b': 2 }, { a: 1, b: 2 }],
    [{ a: new ExactNumber("0.1234567890123456789") }, { a: 0.12345678901234568 }],
    [{ a: Uint8Array.of(1) }, { a: Uint8Array.of(2) }],
  ])("%j differs from %j", (a, b) => {
    expect(contentHash(a)).not.toBe(contentHash(b));
  });

  test("any record equals itself with its fields turned round", () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        fc.integer(),
        fc.string(),
        fc.constant(null),
        tie("list"),
        tie("object"),
      ),
      list: fc.array(tie("any"), { maxLength: 3 }),
      object: fc.dictionary(fc.string(), tie("any"), { maxKeys: 4 }),
    })).object;
    const turned = (from: unknown): unknown => {
      if (Array.isArray(from)) return from.map(turned);
      if (!isRecord(from)) return from;
      return Object.fromEntries(
        Object.entries(from)
          .reverse()
          .map(([name, field]) => [name, turned(field)]),
      );
    };
    fc.assert(
      fc.property(value, (record) => {
        const other = turned(record);
        if (!isRecord(record) || !isRecord(other)) throw new Error("not records");
        expect(contentHash(other)).toBe(contentHash(record));
      }),
    );
  });

  test("a record nested without end is an error", () => {
    let record: Record<string, unknown> = {};
    for (let depth = 0; depth < 100_000; depth++) record = { record };
    expect(() => contentHash(record)).toThrow(expect.objectContaining({ code: "RECORD_INVALID" }));
  });
});
