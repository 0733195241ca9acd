import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { stateBackends } from "../../../test/support/state-backends.ts";
import { emptyPosition } from "../../model/position.ts";
import type { StateStore } from "../../state/contract.ts";
import { archiveRows } from "./archive.ts";
import { Evidence } from "./evidence.ts";
import { auditHeads, readPinned } from "./heads.ts";

const orders = { connector: "acme", stream: "orders" };
const odd = { connector: "ünï/çode 🦉", stream: "x" };
const everything = "9999-01-01T00:00:00.000Z";

function temporaryFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-archive-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, name);
}

async function advance(state: StateStore, cursor: string, of = orders): Promise<void> {
  const run = await state.begin(of, { cursorType: "numeric_id" });
  const partitions =
    of === orders ? [{ partition: "p", position: { ...emptyPosition, watermark: cursor } }] : [];
  await state.complete(run, { newCursor: cursor, partitions });
}

async function verified(state: StateStore, archives: readonly string[], pinned = ""): Promise<number> {
  await state.verifyAudit();
  const heads = pinned === "" ? [] : await readPinned(pinned, null);
  const evidence = new Evidence(state, null, heads);
  const rows = await evidence.readArchives(archives);
  await evidence.checkPinned();
  return rows;
}

async function pinnedNow(state: StateStore): Promise<string> {
  const file = temporaryFile("pinned.jsonl");
  const lines: string[] = [];
  for await (const { key, number, hash } of auditHeads(state, null)) {
    lines.push(`${JSON.stringify({ ...key, number, hash })}\n`);
  }
  writeFileSync(file, lines.join(""));
  return file;
}

for (const backend of stateBackends) {
  if (backend.name.startsWith("http")) continue;
  describe(`the audit log of state in ${backend.name}`, () => {
    test("P12: archives and the rest are one chain, and runs go on", async () => {
      const harness = await backend.open();
      onTestFinished(() => harness.close());
      const { store } = harness;
      for (const cursor of ["1", "2", "3"]) await advance(store, cursor);
      for (const cursor of ["1", "2"]) await advance(store, cursor, odd);
      const pinned = await pinnedNow(store);
      const first = temporaryFile("first.jsonl");
      expect(await archiveRows(store, null, { file: first, before: everything })).toEqual({
        rows: 6,
        streams: 2,
      });
      expect(statSync(first).mode & 0o777).toBe(0o600);
      expect(await store.verifyAudit()).toEqual({ streams: 2, rows: 2 });
      await advance(store, "4");
      await advance(store, "3", odd);
      const second = temporaryFile("second.jsonl");
      expect((await archiveRows(store, orders, { file: second, before: everything })).rows).toBe(2);
      await advance(store, "5");
      expect(await verified(store, [first, second], pinned)).toBe(8);
      expect((await store.audit({ key: orders })).items.map(({ number }) => number)).toEqual([8, 9, 10]);
      await expect(verified(store, [first])).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
      await expect(verified(store, [second, first])).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
    });

    test("P12: an archive that was altered is found", async () => {
      const harness = await backend.open();
      onTestFinished(() => harness.close());
      const { store } = harness;
      for (const cursor of ["1", "2", "3"]) await advance(store, cursor, odd);
      const file = temporaryFile("archive.jsonl");
      await archiveRows(store, null, { file, before: everything });
      const text = readFileSync(file, "utf8");
      writeFileSync(file, text.replace('"new_cursor":"2"', '"new_cursor":"7"'));
      await expect(verified(store, [file])).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
      writeFileSync(file, text.split("\n").slice(0, 1).join("\n"));
      await expect(verified(store, [file])).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
    });

    test("only what the log itself holds is let go of, and never its last row", async () => {
      const harness = await backend.open();
      onTestFinished(() => harness.close());
      const { store } = harness;
      for (const cursor of ["1", "2"]) await advance(store, cursor, odd);
      const [first, last] = (await store.audit({ key: odd })).items;
      const to = (row: typeof first) => ({ number: row?.number ?? 0, hash: row?.hash ?? "" });
      await expect(store.archiveAudit(odd, to(last))).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
      await expect(store.archiveAudit(odd, { number: 1, hash: "00" })).rejects.toMatchObject({
        code: "AUDIT_BROKEN",
      });
      await expect(store.archiveAudit(orders, to(first))).rejects.toMatchObject({ code: "STREAM_NOT_FOUND" });
      expect(await store.archiveAudit(odd, to(first))).toEqual({ rows: 1 });
      expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 1 });
      const none = temporaryFile("none.jsonl");
      const before = "2000-01-01T00:00:00.000Z";
      expect(await archiveRows(store, null, { file: none, before })).toEqual({ rows: 0, streams: 0 });
      expect(existsSync(none)).toBe(false);
    });
  });
}
