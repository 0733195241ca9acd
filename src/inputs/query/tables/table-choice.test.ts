import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CatalogTable } from "../../../databases/catalog.ts";
import { chooseTables, type TableRequest } from "./table-choice.ts";
import { parseTablePattern, type TablePattern } from "./table-pattern.ts";

const naming = { searchPath: ["public", "app"], foldsNames: false };

function table(place: string, more: Partial<CatalogTable> = {}): CatalogTable {
  const [schema = "", name = ""] = place.split("/");
  return {
    ...{ schema, name, kind: "table", columns: [], primaryKey: [], uniqueKeys: [], indexed: [] },
    ...{ estimatedRows: null, readable: true, isOurs: false },
    ...more,
  };
}

function patterns(...texts: readonly string[]): TablePattern[] {
  return texts.map((text) => {
    const pattern = parseTablePattern(text);
    if (pattern === null) throw new Error(text);
    return pattern;
  });
}

function all(...texts: readonly string[]) {
  return { patterns: patterns(...texts), without: [], views: false };
}

const places = ["app/orders", "audit/log", "audit/raw_log", "public/Orders", "public/orders", "public/tmp_1"];
const tables = [
  ...places.map((place) => table(place)),
  table("public/recent", { kind: "view" }),
  table("public/copy", { isOurs: true }),
  table("public/_tidemark_positions"),
];

function names(requests: readonly TableRequest[], without: readonly TablePattern[] = []) {
  return chooseTables(requests, tables, naming, without).chosen.map(({ name, table: found }) =>
    found === null ? `${name} missing` : `${name} = ${found.schema}/${found.name}`,
  );
}

describe("the tables of a pipeline", () => {
  it("are named as the pattern is written", () => {
    expect(names([all("ord*"), all("audit.*")])).toEqual([
      "orders = public/orders",
      "audit.log = audit/log",
      "audit.raw_log = audit/raw_log",
    ]);
    expect(names([all("*.orders")])).toEqual(["app.orders = app/orders", "public.orders = public/orders"]);
  });

  it("have no views unless asked for, and none that Tidemark made", () => {
    const chosen = ["public.Orders", "public.orders", "public.tmp_1"];
    const found = (request: TableRequest) =>
      chooseTables([request], tables, naming).chosen.map(({ name }) => name);
    expect(found(all("public.*"))).toEqual(chosen);
    expect(found({ ...all("public.*"), views: true })).toEqual([...chosen, "public.recent"]);
  });

  it("leave out what is excluded, wherever that is written, but no table that is named", () => {
    expect(names([all("public.*")], patterns("public.*rders"))).toEqual(["public.tmp_1 = public/tmp_1"]);
    const [entry, other] = [{ ...all("audit.*"), without: patterns("audit.raw_*") }, all("*.raw_*")];
    expect(names([entry, other])).toEqual(["audit.log = audit/log", "audit.raw_log = audit/raw_log"]);
    expect(names([{ table: "tmp_1" }], patterns("*.*"))).toEqual(["tmp_1 = public/tmp_1"]);
  });

  it("belong to the first pattern, and to the entry that names them", () => {
    const [broad, narrow, own] = [all("public.*"), all("public.o*"), { table: "public.orders" }];
    const { chosen } = chooseTables<TableRequest>([broad, narrow, own], tables, naming);
    expect(
      chosen.map(({ request, name }) => [
        request === own ? "own" : request === broad ? "broad" : "narrow",
        name,
      ]),
    ).toEqual([
      ["broad", "public.Orders"],
      ["broad", "public.tmp_1"],
      ["own", "public.orders"],
    ]);
  });

  it("are looked for along the search path, by the very name before one in another case", () => {
    expect(
      names([{ table: "orders" }, { table: "audit.log" }, { table: "log" }, { table: "a.b.c" }]),
    ).toEqual(["orders = public/orders", "audit.log = audit/log", "log missing", "a.b.c missing"]);
    const folded = { ...naming, foldsNames: true };
    const found = (name: string) => chooseTables([{ table: name }], tables, folded).chosen[0]?.table?.name;
    expect([found("Orders"), found("orders"), found("TMP_1")]).toEqual(["Orders", "orders", "tmp_1"]);
    const elsewhere = { ...naming, searchPath: ["nowhere", "app"] };
    expect(chooseTables([{ table: "orders" }], tables, elsewhere).chosen[0]?.table?.schema).toBe("app");
  });

  it("are each chosen once, and the others are left", () => {
    const texts = fc.constantFrom("*", "*.*", "public.*", "audit.raw_*", "*.o*", "tmp_*");
    const requests = fc.array(
      fc.oneof(
        texts.map((text) => all(text)),
        fc.constantFrom(...places).map((place) => ({ table: place.replace("/", ".") })),
      ),
    );
    fc.assert(
      fc.property(requests, fc.array(texts), (asked, without) => {
        const distinct = asked.filter(
          (one, at) =>
            !("table" in one) ||
            asked.findIndex((other) => "table" in other && other.table === one.table) === at,
        );
        const { chosen, left } = chooseTables<TableRequest>(distinct, tables, naming, patterns(...without));
        const found = chosen.flatMap(({ table: one }) => one ?? []);
        expect(new Set(found).size).toBe(found.length);
        expect(new Set([...found, ...left])).toEqual(new Set(tables));
        expect(found.length + left.length).toBe(tables.length);
        expect(new Set(chosen.map(({ name }) => name)).size).toBe(chosen.filter(({ name }) => name).length);
      }),
    );
  });
});
