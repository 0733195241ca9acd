import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { apiKeys, keyAudit } from "../src/api/keys/tables.ts";
import { openSql } from "../src/databases/open.ts";
import { isTidemarks } from "../src/inputs/query/tables/table-choice.ts";
import { openState } from "../src/state/storage/open.ts";

describe("Tidemark's own tables", () => {
  it("are all known by their names", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tidemark-tables-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const url = `sqlite:${join(folder, "state.db")}`;
    await using state = await openState(url);
    await state.list({ limit: 1 });
    await using connection = await openSql(url, { role: "input" });
    const found = await (await connection.catalog()).tables(null, AbortSignal.timeout(10_000));
    expect(found.length).toBeGreaterThan(4);
    expect(found.filter((one) => !isTidemarks(one))).toEqual([]);
    for (const { name } of [apiKeys, keyAudit]) expect(isTidemarks({ name, isOurs: false })).toBe(true);
    expect(isTidemarks({ name: "_Tidemark_Positions", isOurs: false })).toBe(true);
    expect(isTidemarks({ name: "tidemark_customers", isOurs: false })).toBe(false);
  });
});
