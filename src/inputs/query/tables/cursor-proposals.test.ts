import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { CatalogColumn } from "../../../databases/catalog.ts";
import type { ColumnKind, TableReading } from "../../../databases/port.ts";
import { databases } from "../../../databases/registry.ts";
import { cursorProposals } from "./cursor-proposals.ts";
import { yamlText } from "./setting-names.ts";

const [sqlite, postgres] = ["sqlite", "postgres"].map((scheme) => {
  const found = databases.find(({ schemes }) => schemes.includes(scheme));
  if (found === undefined) throw new Error(scheme);
  return found.tables;
});

function column(
  name: string,
  kind: ColumnKind,
  base: string = kind,
  more: Partial<CatalogColumn> = {},
): CatalogColumn {
  return { name, kind, base, type: base, nullable: true, numbered: false, ...more };
}

function proposed(
  columns: readonly CatalogColumn[],
  reading: TableReading | undefined,
  more: object = {},
): string[] {
  if (reading === undefined) throw new Error("no database");
  const table = { kind: "table", columns, primaryKey: [], indexed: [], ...more } as const;
  return cursorProposals(table, reading).map(({ setting, finds }) => `${setting} finds ${finds}`);
}

describe("cursors that a table could have", () => {
  it("are times of changes, then transactions, then times of creation, then ids", () => {
    const columns = [
      column("id", "integer", "int8", { numbered: true, nullable: false }),
      column("created_at", "timestamp", "timestamptz"),
      column("born", "timestamp", "timestamptz"),
      column("lastModified", "timestamp", "timestamptz"),
      column("updated_at", "timestamp", "timestamptz"),
    ];
    expect(proposed(columns, postgres, { primaryKey: ["id"], indexed: ["updated_at"] })).toEqual([
      "cursor: updated_at finds changes",
      "cursor: lastModified finds changes",
      "cursor: xmin finds changes",
      "cursor: created_at finds additions",
      "statePersistence: { id: { field: id } } finds additions",
    ]);
    expect(proposed(columns, sqlite, { primaryKey: ["id", "born"] })).toEqual([
      "cursor: lastModified finds changes",
      "cursor: updated_at finds changes",
      "cursor: created_at finds additions",
    ]);
  });

  it("have each column once", () => {
    expect(proposed([column("created_or_updated_at", "timestamp", "timestamptz")], sqlite)).toEqual([
      "cursor: created_or_updated_at finds changes",
    ]);
  });

  it("prefer an index, then a column that is never null", () => {
    const at = (name: string, nullable: boolean) => column(name, "timestamp", "timestamptz", { nullable });
    const columns = [at("updated_1", true), at("updated_2", false), at("updated_3", true)];
    expect(proposed(columns, sqlite, { indexed: ["updated_3"] }).map((one) => one.slice(8, 17))).toEqual([
      "updated_3",
      "updated_2",
      "updated_1",
    ]);
  });

  it("are no columns that say who changed a row, how often, or in a type without the order of time", () => {
    const columns = [
      column("updated_by", "text", "text"),
      column("changes", "integer", "int4"),
      column("changed", "boolean", "bool"),
      column("modified_time", "text", "time"),
      column("updated_at", "json", "jsonb"),
      column("updated.", "timestamp", "timestamptz"),
      column("update_took", "float", "float8"),
    ];
    expect(proposed(columns, postgres)).toEqual(["cursor: xmin finds changes"]);
    expect(
      proposed(
        columns.filter(({ base }) => base !== "time"),
        sqlite,
      ),
    ).toEqual([]);
    expect(proposed(columns, postgres, { kind: "view" })).toEqual([]);
  });

  it("are texts and numbers named like times, with a format for numbers", () => {
    const columns = [
      column("updated_at", "text", "text"),
      column("modified_on", "integer", "int8"),
      column("Change Date", "decimal", "datetime"),
    ];
    expect(proposed(columns, sqlite)).toEqual([
      "cursor: updated_at finds changes",
      "statePersistence: { timestamp: { field: modified_on, format: epoch_s } } finds changes",
      "cursor: Change Date finds changes",
    ]);
  });

  it("are written as YAML that reads back as the name", () => {
    for (const name of [
      "updated_at",
      "Änderung am",
      "a: b",
      "null",
      "yes",
      "1st",
      "#x",
      "it's",
      "a, b }",
      'q"',
      "x ",
      "- y",
      "a #b",
      ".5",
    ]) {
      expect(parse(`{ field: ${yamlText(name)}, x: 1 }`)).toEqual({ field: name, x: 1 });
      expect(parse(`cursor: ${yamlText(name)} # note`)).toEqual({ cursor: name });
    }
  });
});
