import { expect, test } from "vitest";
import { tableNameParts } from "./names.ts";
import { postgresDialect } from "./postgres/dialect.ts";
import { sqliteDialect } from "./sqlite/dialect.ts";

test("names are quoted as they are, whatever they hold", () => {
  expect(sqliteDialect.identifier('a "b" c')).toBe('"a ""b"" c"');
  expect(postgresDialect.table("sales.Order Lines")).toBe('"sales"."Order Lines"');
});

test("a table's name may hold a dot when it stands in quotes", () => {
  expect(tableNameParts('"odd.name"')).toEqual(["odd.name"]);
  expect(tableNameParts('sales."odd.na""me"')).toEqual(["sales", 'odd.na"me']);
  expect(tableNameParts("events")).toEqual(["events"]);
  expect(tableNameParts("events.")).toEqual(["events."]);
});
