import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import type { StateStore } from "../../state/contract.ts";
import { openSqliteState } from "../../state/storage/sqlite/sqlite.ts";
import { Evidence } from "./evidence.ts";
import { auditHeads, readPinned } from "./heads.ts";

const key = { connector: "acme", stream: "orders" };

async function advance(state: StateStore, cursor: string): Promise<void> {
  await state.complete(await state.begin(key, { cursorType: "numeric_id" }), { newCursor: cursor });
}

test("P12: a log cut at its end, with its row made to fit, is found by a pinned head alone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-heads-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  await using state = await openSqliteState(join(folder, "state.db"));
  for (const cursor of ["1", "2", "3"]) await advance(state, cursor);
  const heads = [];
  for await (const each of auditHeads(state, null)) heads.push(each);
  const [head] = heads;
  if (head === undefined) throw new Error("no head");
  const file = join(folder, "pinned.jsonl");
  writeFileSync(file, `${JSON.stringify({ ...key, number: head.number, hash: head.hash })}\n`);
  const check = async (pinned: string): Promise<void> =>
    new Evidence(state, key, await readPinned(pinned, key)).checkPinned();
  await advance(state, "4");
  await check(file);
  await check(`${head.number}:${head.hash}`);

  const db = new DatabaseSync(join(folder, "state.db"));
  db.exec(`DELETE FROM tidemark_audit WHERE number > 2;
    UPDATE tidemark_streams SET cursor_value = '2', position = replace(position, '"4"', '"2"'), audit_number = 2,
      audit_head = (SELECT hash FROM tidemark_audit WHERE number = 2)`);
  db.close();
  expect(await state.verifyAudit()).toEqual({ streams: 1, rows: 2 });
  await expect(check(file)).rejects.toMatchObject({ code: "AUDIT_BROKEN", details: { number: 3 } });
  for (const cursor of ["3", "4", "5"]) await advance(state, cursor);
  await expect(check(`${head.number}:${head.hash}`)).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
});

test("what is no head, and no file of heads, is refused", async () => {
  await expect(readPinned("nothing.jsonl", null)).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
  await expect(readPinned(`3:${"0".repeat(64)}`, null)).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
});
