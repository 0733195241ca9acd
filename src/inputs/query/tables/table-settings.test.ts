import { describe, expect, it } from "vitest";
import type { CatalogTable } from "../../../databases/catalog.ts";
import { chosenReading, type DeclaredReading } from "./table-settings.ts";

const columns = ["id", "code", "updated_at", "body"].map((name) => ({
  name,
  ...({ type: "text", base: "text", kind: "text", nullable: false, numbered: false } as const),
}));
const table: CatalogTable = {
  ...{ schema: "public", name: "log", kind: "table", columns, primaryKey: ["id"], uniqueKeys: [["code"]] },
  ...{ indexed: [], estimatedRows: null, readable: true, isOurs: false },
};
const declared: DeclaredReading = {
  ...{ key: null, cursors: [], isOwn: false, takesPrimaryKey: true, needsKey: false, appends: false },
};

function chosen(more: Partial<DeclaredReading>, of: Partial<CatalogTable> = {}, foldsNames = false) {
  const reading = { foldsNames, rowNames: ["rowid"], transactionCursor: "xmin" };
  return chosenReading({ ...table, ...of }, "public.log", { ...declared, ...more }, reading);
}

describe("how a table is read", () => {
  it("takes the declared key, else the primary key, and never one that is only unique", () => {
    expect(chosen({ key: ["code"] })).toMatchObject({ key: ["code"], keyFrom: "declared" });
    expect(chosen({})).toMatchObject({ key: ["id"], keyFrom: "primary key" });
    expect(chosen({ takesPrimaryKey: false })).toMatchObject({ key: null, keyFrom: null, problem: null });
    expect(chosen({}, { primaryKey: ["id", "No."] })).toMatchObject({ key: null, keyFrom: null });
    expect(chosen({}, { primaryKey: [] })).toMatchObject({ key: null, keyFrom: null, read: "whole" });
  });

  it("takes the first cursor that the table has, and guesses none", () => {
    expect(chosen({ cursors: ["modified_at", "updated_at", "id"] })).toMatchObject({
      ...{ cursor: "updated_at", read: "incremental" },
    });
    expect(chosen({})).toMatchObject({ cursor: null, read: "whole", problem: null });
    expect(chosen({ cursors: ["modified_at"] })).toMatchObject({
      cursor: null,
      read: "whole",
      problem: null,
    });
    expect(chosen({ cursors: ["xmin"] })).toMatchObject({ cursor: "xmin", read: "incremental" });
    expect(chosen({ cursors: ["UPDATED_AT"] }).read).toBe("whole");
    expect(chosen({ cursors: ["UPDATED_AT"] }, {}, true).read).toBe("incremental");
    expect(chosen({ cursors: ["body.at"] })).toMatchObject({ cursor: "body.at", read: "incremental" });
    expect(chosen({ key: ["rowid"] }).problem).toBe(null);
  });

  it("is refused where a column of its own declaration is missing", () => {
    const { read, problem } = chosen({ isOwn: true, cursors: ["update_at"] });
    expect([read, problem?.code, problem?.hint]).toEqual([
      "refused",
      "FIELD_UNKNOWN",
      expect.stringContaining("`updated_at`"),
    ]);
    expect(chosen({ key: ["id", "ID"] }).problem?.message).toContain("key field `ID`");
  });

  it("is refused without the right to read it, without a key for an upsert, and without a cursor for an append", () => {
    expect(chosen({}, { readable: false }).problem?.hint).toContain("GRANT SELECT ON public.log");
    const without = chosen({ needsKey: true }, { primaryKey: [] });
    expect(without).toMatchObject({ read: "refused", problem: { code: "CONFIG_INCOHERENT" } });
    expect(without.problem?.message).toBe("public.log has no primary key; it keeps `code` unique");
    expect(without.problem?.hint).toContain("`key: code`");
    expect(chosen({ needsKey: true })).toMatchObject({ read: "whole", problem: null });
    expect(chosen({ appends: true })).toMatchObject({
      read: "refused",
      problem: { code: "CONFIG_INCOHERENT" },
    });
    expect(chosen({ appends: true, cursors: ["updated_at"] })).toMatchObject({ read: "incremental" });
  });
});
