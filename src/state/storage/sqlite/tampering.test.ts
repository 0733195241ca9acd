import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeAll, beforeEach, expect, test } from "vitest";
import type { StateStore } from "../../contract.ts";
import { openSqliteState } from "./sqlite.ts";

const key = { connector: "sap_eu", stream: "suppliers" };
const ofStream = `WHERE connector = 'sap_eu' AND stream = 'suppliers'`;

let template: string;
let store: StateStore;
let file: string;

/** Ten rows of one stream, and as many of two others around it. */
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-tampering-"));
  template = join(folder, "template.db");
  await using whole = await openSqliteState(template);
  for (let n = 1; n <= 10; n++) {
    for (const connector of ["a", "sap_eu", "z"]) {
      const run = await whole.begin({ connector, stream: "suppliers" }, { cursorType: "numeric_id" });
      await whole.complete(run, { newCursor: String(n) });
    }
  }
  return () => rm(folder, { recursive: true });
});

beforeEach(async () => {
  file = `${template}-copy`;
  await copyFile(template, file);
  store = await openSqliteState(file);
  return async () => {
    await store.close();
    await rm(file);
  };
});

function edit(...statements: string[]): void {
  const db = new DatabaseSync(file);
  for (const sql of statements) db.exec(sql);
  db.close();
}

test("P12: a log that nobody touched verifies", async () => {
  expect(await store.verifyAudit()).toEqual({ streams: 3, rows: 30 });
});

const columns: [string, string][] = [
  ["at_utc", "'2020-01-01T00:00:00.000Z'"],
  ["actor", "'mallory'"],
  ["action", "'reset'"],
  ["old_cursor", "'0'"],
  ["new_cursor", "'99'"],
  ["new_cursor", "NULL"],
  ["reason", "''"],
  ["run_id", "'other'"],
  ["partition", "'p1'"],
  ["hash", "'00'"],
];
for (const [column, value] of columns) {
  for (const number of [1, 4, 10]) {
    test(`P12: row ${number} with another ${column} (${value}) is named`, async () => {
      edit(`UPDATE tidemark_audit SET ${column} = ${value} ${ofStream} AND number = ${number}`);
      await brokenAt(number);
    });
  }
}

test("P12: the first row that was removed is named", async () => {
  edit(`DELETE FROM tidemark_audit ${ofStream} AND number IN (6, 8)`);
  await brokenAt(6);
});

test("P12: the first row of all removed is named", async () => {
  edit(`DELETE FROM tidemark_audit ${ofStream} AND number = 1`);
  await brokenAt(1);
});

test("P12: rows that changed places are named", async () => {
  edit(
    `UPDATE tidemark_audit SET number = -1 ${ofStream} AND number = 3`,
    `UPDATE tidemark_audit SET number = 3 ${ofStream} AND number = 4`,
    `UPDATE tidemark_audit SET number = 4 ${ofStream} AND number = -1`,
  );
  await brokenAt(3);
});

test("P12: a removed row that the later ones were moved over is named", async () => {
  edit(
    `DELETE FROM tidemark_audit ${ofStream} AND number = 5`,
    ...[6, 7, 8, 9, 10].map(
      (n) => `UPDATE tidemark_audit SET number = ${n - 1} ${ofStream} AND number = ${n}`,
    ),
  );
  await brokenAt(5);
});

test("P12: a log cut at its end is named", async () => {
  edit(`DELETE FROM tidemark_audit ${ofStream} AND number > 7`);
  await brokenAt(8);
});

test("P12: a log removed whole is named", async () => {
  edit(`DELETE FROM tidemark_audit ${ofStream}`);
  await brokenAt(1);
});

test("P12: a row added at the end is named", async () => {
  edit(`
    INSERT INTO tidemark_audit (connector, stream, number, at_utc, actor, action, old_cursor, new_cursor, reason,
      run_id, hash, partition)
    SELECT connector, stream, 11, at_utc, actor, action, old_cursor, new_cursor, reason, run_id, hash, partition
    FROM tidemark_audit ${ofStream} AND number = 10`);
  await brokenAt(11);
});

test("P12: a stream's log put under another stream is named", async () => {
  edit(
    `DELETE FROM tidemark_audit ${ofStream}`,
    `UPDATE tidemark_audit SET connector = 'sap_eu' WHERE connector = 'z'`,
  );
  await brokenAt(1);
});

test("P12: a log whose stream was removed is named", async () => {
  edit(`DELETE FROM tidemark_streams ${ofStream}`);
  await brokenAt(1);
});

test("P12: an end that the stream does not remember is named", async () => {
  edit(`UPDATE tidemark_streams SET audit_head = 'ff' ${ofStream}`);
  await brokenAt(10);
});

async function brokenAt(number: number): Promise<void> {
  const error = {
    code: "AUDIT_BROKEN",
    stream: "sap_eu/suppliers",
    message: expect.stringContaining(`audit row ${number} of sap_eu/suppliers`),
    details: { number },
  };
  await expect(store.verifyAudit({ key })).rejects.toMatchObject(error);
  expect(await store.verifyAudit({ key: { connector: "a", stream: "suppliers" } })).toEqual({
    streams: 1,
    rows: 10,
  });
  await expect(store.verifyAudit()).rejects.toMatchObject(error);
}
