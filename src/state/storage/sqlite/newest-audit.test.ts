import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Statements } from "../../../databases/sqlite/statements.ts";
import type { AuditRecord } from "../../contract.ts";
import { openStateFile } from "./file.ts";
import { SqliteRows } from "./rows.ts";

const key = { connector: "sap_eu", stream: "suppliers" };

function record(number: number): AuditRecord {
  return {
    key,
    number,
    partition: number % 2 === 0 ? "de" : null,
    atUtc: "2026-01-31T00:00:00.500Z",
    actor: "local",
    action: "advance",
    oldCursor: null,
    newCursor: String(number),
    reason: null,
    runId: "run-1",
    hash: `hash-${number}`,
  };
}

/** Two connections to one state file. */
function opened(): { ours: SqliteRows; theirs: SqliteRows } {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-newest-audit-"));
  const connect = (): SqliteRows => {
    const db = openStateFile(join(folder, "state.db"));
    onTestFinished(() => db.close());
    return new SqliteRows(new Statements(db), folder);
  };
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return { ours: connect(), theirs: connect() };
}

function newest(rows: SqliteRows): readonly AuditRecord[] {
  rows.begun();
  return rows.listNewestAudit({ key, before: null, limit: 1 });
}

test("the newest row of a log is the last that any connection appended, and the same for each", () => {
  const { ours, theirs } = opened();
  expect(newest(ours)).toEqual([]);
  for (const [number, rows] of [ours, ours, theirs, ours, theirs].entries()) {
    rows.appendAudit(record(number + 1));
    expect(newest(ours)).toEqual([record(number + 1)]);
    expect(newest(theirs)).toEqual([record(number + 1)]);
  }
});

test("a log has no newest row once all of it is in an archive", () => {
  const { ours } = opened();
  ours.begun();
  ours.appendAudit(record(1));
  expect(newest(ours)).toEqual([record(1)]);
  ours.archiveAudit(key, { number: 1, hash: record(1).hash });
  expect(newest(ours)).toEqual([]);
});
