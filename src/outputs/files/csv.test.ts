import fc from "fast-check";
import { expect, test } from "vitest";
import { ExactNumber } from "../../model/exact-number.ts";
import { columnsOf, csvHeader, csvLine, foreignDelimiter, plainForm, readCsvHeader } from "./csv.ts";
import { escapeFormula, unescapeFormula } from "./csv-formulas.ts";

const escaped = { ...plainForm, formulas: "escape" } as const;

test("P7: values are written whole: every digit, quotes, line ends and what is empty", () => {
  const record = {
    id: new ExactNumber("9007199254740993"),
    name: 'a "quoted", name',
    note: "two\nlines",
    empty: "",
    none: null,
    list: [1, "b"],
    yes: true,
    bytes: new Uint8Array([1, 2]),
  };
  const columns = columnsOf([record]);
  expect(csvHeader(columns)).toBe("id,name,note,empty,none,list,yes,bytes\n");
  expect(csvLine(record, columns)).toBe(
    '9007199254740993,"a ""quoted"", name","two\nlines","",,"[1,""b""]",true,AQI=\n',
  );
});

test("a record with a field that has no column is refused, and one that lacks a field is not", () => {
  expect(csvLine({ b: 2 }, ["a", "b"])).toBe(",2\n");
  expect(() => csvLine({ a: 1, c: 3 }, ["a", "b"])).toThrow(
    expect.objectContaining({ code: "RECORD_INVALID" }),
  );
});

test("a header is read back as it was written, whatever the names", () => {
  const name = fc.string({ unit: "binary", minLength: 1 });
  fc.assert(
    fc.property(fc.array(name, { minLength: 1 }), (columns) => {
      expect(readCsvHeader(`${csvHeader(columns)}1,2\n`)?.columns).toEqual(columns);
    }),
  );
  expect(readCsvHeader("no line end")).toBeNull();
});

test("a header of another program is read behind its byte order mark, and without a line end", () => {
  expect(readCsvHeader("\u{FEFF}id,name\r\n1,a\r\n")?.columns).toEqual(["id", "name"]);
  expect(readCsvHeader('\u{FEFF}"id",name\n')?.columns).toEqual(["id", "name"]);
  expect(readCsvHeader("id,name", true)?.columns).toEqual(["id", "name"]);
});

test("what stands between names is distinguished from what is in them", () => {
  expect(foreignDelimiter("id;name\n1;a,b\n")).toBe(";");
  expect(foreignDelimiter("id\tname\n")).toBe("\t");
  expect(foreignDelimiter("id,a;b\n")).toBeNull();
  expect(foreignDelimiter(csvHeader(["a;b"]))).toBeNull();
});

test.each(["=1+1", "+SUM(A1)", "-2+3", "@cmd", "\t=1", "\r=1", " =1", "＝1", "-", "+49 30 123"])(
  "with `formulas: escape` the text %j has an apostrophe in front",
  (text) => {
    const line = csvLine({ text }, ["text"], undefined, escaped);
    expect(line.replaceAll('"', "")).toBe(`'${text}\n`);
    expect(csvLine({ text }, ["text"]).replaceAll('"', "")).toBe(`${text}\n`);
  },
);

test("with `formulas: escape` numbers, plain texts and apostrophes stay as they are", () => {
  const record = {
    a: -1,
    b: "-1.5e3",
    c: "a=b",
    d: "'quoted'",
    e: new ExactNumber("-9007199254740993"),
    f: [-1],
  };
  const columns = columnsOf([record]);
  expect(csvLine(record, columns, undefined, escaped)).toBe(csvLine(record, columns));
});

test("P7: every text that `formulas: escape` has written can be read back", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^['=+\-@ \t\r\n0-9]{0,6}$/));
  fc.assert(
    fc.property(text, (value) => {
      expect(unescapeFormula(escapeFormula(value))).toBe(value);
    }),
    { numRuns: 2_000 },
  );
  const names = ["=a", "'=b", "'c", "-1"];
  expect(readCsvHeader(csvHeader(names, escaped), false, escaped)?.columns).toEqual(names);
});
