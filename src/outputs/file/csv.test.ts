import fc from "fast-check";
import { expect, test } from "vitest";
import { ExactNumber } from "../../model/exact-number.ts";
import { columnsOf, csvHeader, csvLine, readCsvHeader } from "./csv.ts";

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
      expect(readCsvHeader(`${csvHeader(columns)}1,2\n`)).toEqual(columns);
    }),
  );
  expect(readCsvHeader("no line end")).toBeNull();
});
