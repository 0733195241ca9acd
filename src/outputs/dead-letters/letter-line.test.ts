import fc from "fast-check";
import { expect, test } from "vitest";
import { letterWith } from "../../../test/support/letters.ts";
import type { DeadLetter } from "../../engine/ports.ts";
import { letterId } from "../../engine/refusals/dead-letters.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import { noteStorageClasses, storageClassesOf } from "../../model/storage-class.ts";
import { letterLine, readLetterLine } from "./letter-line.ts";

function letter(record: unknown): DeadLetter {
  return letterWith({ field: "v", reason: "NOT NULL", cursor: "7", record });
}

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    fc.string({ unit: "binary" }),
    // Inputs give integers past 2^53 as exact numbers, and so does the line.
    fc.double().filter((double) => Number.isSafeInteger(double) || !Number.isInteger(double)),
    fc
      .bigInt()
      .filter((integer) => integer !== 0n)
      .map((integer) => new ExactNumber(`${integer}${"0".repeat(20)}`)),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array(),
    fc.array(tie("any")),
    fc.dictionary(fc.oneof(fc.string(), fc.constant("__proto__")), tie("any")),
  ),
})).any;

test("P7: a record comes back from its line as it was refused, whatever it holds", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), value), (record) => {
      const line = letterLine(letter(record));
      expect(line.indexOf("\n")).toBe(line.length - 1);
      expect(JSON.parse(line)).toBeTypeOf("object");
      expect(readLetterLine(line)).toEqual(letter(record));
    }),
    { numRuns: 500 },
  );
});

test("P7: bytes and numbers without a form in JSON are found again, also inside a field", () => {
  const record = {
    photo: Buffer.from([1, 2]),
    inner: [{ n: Number.NaN }, -0],
    "a.b": Number.NEGATIVE_INFINITY,
  };
  const line = letterLine(letter(record));
  expect(JSON.parse(line)).toMatchObject({
    bytes: ["photo"],
    numbers: [["inner", "0", "n"], ["inner", "1"], "a.b"],
    record: { photo: "AQI=", inner: [{ n: "NaN" }, "-0"], "a.b": "-Infinity" },
  });
  expect(readLetterLine(line)?.record).toEqual({ ...record, photo: new Uint8Array([1, 2]) });
});

test("how the source stores a field goes along: bytes of SQLite are bytes again", () => {
  const record = { id: 1, photo: "\\x0102" };
  noteStorageClasses(record, new Map([["photo", "bytes"]]));
  const read = readLetterLine(letterLine(letter(record)))?.record;
  expect(storageClassesOf(read as object & Record<string, unknown>)).toEqual(new Map([["photo", "bytes"]]));
});

test("a line of an older version is read; what it does not say is null", () => {
  const line =
    '{"time":"2026-01-01T00:00:00.000Z","connector":"acme","stream":"orders","run":"r","stage":"input","code":"CURSOR_NULL","field":"at","status":null,"reason":"no value","id":"x","record":{"n":9007199254740993,"p":"AQI="},"bytes":["p"]}';
  expect(readLetterLine(line)).toMatchObject({
    id: "x",
    pipeline: null,
    partition: null,
    by: null,
    cursor: null,
    record: { n: new ExactNumber("9007199254740993"), p: new Uint8Array([1, 2]) },
  });
});

test("a letter behind the remains of a broken write is found; remains alone are none", () => {
  const whole = letterLine(letter({ id: 1, of: { id: "7", time: "now" } }));
  for (const length of [1, 10, 40, whole.length - 2]) {
    expect(readLetterLine(whole.slice(0, length) + whole)).toEqual(
      letter({ id: 1, of: { id: "7", time: "now" } }),
    );
    expect(readLetterLine(whole.slice(0, length))).toBeNull();
  }
});

test("a letter of version 0.1.0 is read, with the id that the same record has when it is refused again", () => {
  const line =
    '{"time":"2025-07-19T13:12:12.656Z","connector":"acme","stream":"notices","run":"b7d5e190","status":422,"reason":"no","record":{"id":2,"at":"2025-03-01T00:00:00Z"}}';
  const key = { connector: "acme", stream: "notices" };
  const record = { at: "2025-03-01T00:00:00Z", id: 2 };
  const first = readLetterLine(line);
  expect(first).toMatchObject({ ...key, stage: "output", by: "httpRequest", status: 422, record });
  expect(first?.id).toBe(letterId(key, { partition: null, stage: "output", record }));
  expect(readLetterLine(`{"time":"2025-07-19T${line}`)).toEqual(first);
  expect(readLetterLine(line.replace('"run":"b7d5e190",', ""))).toBeNull();
});
