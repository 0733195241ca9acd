import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AuditEntry, auditHash, ChainVerifier, chainEntry } from "./audit.ts";
import { type AuditRecord, auditActions } from "./contract.ts";

const key = { connector: "sap_eu", stream: "suppliers" };
const entry: AuditEntry = {
  key,
  atUtc: "2026-01-01T00:00:00.000Z",
  actor: "ada",
  action: "advance",
  oldCursor: null,
  newCursor: "é🦉",
  reason: null,
  runId: "r1",
  partition: null,
};

test("a row's hash is SHA-256 over each field with its length in bytes, after the hash before it", () => {
  const text = "2:ab1:76:sap_eu9:suppliers24:2026-01-01T00:00:00.000Z3:ada7:advance-6:é🦉-2:r1";
  expect(auditHash("ab", { ...entry, number: 7 })).toBe(createHash("sha256").update(text).digest("hex"));
});

test("a row without a partition has the hash that it had before there were any; with one, it is covered", () => {
  const text = "2:ab1:76:sap_eu9:suppliers24:2026-01-01T00:00:00.000Z3:ada7:advance-6:é🦉-2:r15:p🦉";
  const hash = createHash("sha256").update(text).digest("hex");
  expect(auditHash("ab", { ...entry, partition: "p🦉", number: 7 })).toBe(hash);
  expect(auditHash("ab", { ...entry, partition: "", number: 7 })).not.toBe(
    auditHash("ab", { ...entry, number: 7 }),
  );
});

test("rows are numbered from 1 and each is chained to the one before", () => {
  const first = chainEntry({ number: 0, hash: "" }, entry);
  expect(first).toEqual({ ...entry, number: 1, hash: auditHash("", { ...entry, number: 1 }) });
  const second = chainEntry(first, entry);
  expect(second.number).toBe(2);
  expect(second.hash).toBe(auditHash(first.hash, { ...entry, number: 2 }));
  expect(second.hash).not.toBe(first.hash);
});

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const entries = fc.array(
  fc.record({
    key: fc.constant(key),
    atUtc: text,
    actor: text,
    action: fc.constantFrom(...auditActions),
    oldCursor: fc.option(text),
    newCursor: fc.option(text),
    reason: fc.option(text),
    runId: fc.option(text),
    partition: fc.option(text),
  }),
  { minLength: 1, maxLength: 8 },
);

function chain(given: readonly AuditEntry[]): AuditRecord[] {
  const rows: AuditRecord[] = [];
  for (const each of given) rows.push(chainEntry(rows.at(-1) ?? { number: 0, hash: "" }, each));
  return rows;
}

/** The number of the first broken row, or null where the chain holds. */
function firstBroken(rows: readonly AuditRecord[], tail: { number: number; hash: string }): unknown {
  const verifier = new ChainVerifier(key);
  try {
    for (const row of rows) verifier.row(row);
    verifier.end(tail);
    return null;
  } catch (error) {
    expect(error).toMatchObject({ code: "AUDIT_BROKEN", stream: "sap_eu/suppliers" });
    return error instanceof Error && "details" in error ? error.details : undefined;
  }
}

describe("P12: the chain", () => {
  test("holds as it was written", () => {
    fc.assert(
      fc.property(entries, (given) => {
        const rows = chain(given);
        expect(firstBroken(rows, rows.at(-1) ?? { number: 0, hash: "" })).toBeNull();
      }),
    );
  });

  test("breaks at the row of which one field was changed", () => {
    const fields = ["atUtc", "actor", "oldCursor", "newCursor", "reason", "runId", "partition"] as const;
    fc.assert(
      fc.property(
        entries,
        fc.nat(),
        fc.constantFrom(...fields),
        fc.option(text),
        (given, at, field, value) => {
          const rows = chain(given);
          const index = at % rows.length;
          const tail = rows.at(-1) ?? { number: 0, hash: "" };
          fc.pre(rows[index]?.[field] !== value);
          const altered = rows.map((row, n) => (n === index ? { ...row, [field]: value ?? null } : row));
          fc.pre((field !== "atUtc" && field !== "actor") || value !== null);
          expect(firstBroken(altered, tail)).toEqual({ number: index + 1 });
        },
      ),
    );
  });

  test("breaks where a row is missing, at the end too", () => {
    fc.assert(
      fc.property(entries, fc.nat(), (given, at) => {
        const rows = chain(given);
        const index = at % rows.length;
        const tail = rows.at(-1) ?? { number: 0, hash: "" };
        expect(firstBroken(rows.toSpliced(index, 1), tail)).toEqual({ number: index + 1 });
      }),
    );
  });

  test("cannot be fixed by moving text from one field to the next", () => {
    const split = { ...entry, oldCursor: "1", newCursor: "23" };
    const moved = { ...entry, oldCursor: "12", newCursor: "3" };
    expect(auditHash("", { ...split, number: 1 })).not.toBe(auditHash("", { ...moved, number: 1 }));
    const none = { ...entry, reason: null };
    const dash = { ...entry, reason: "-" };
    const empty = { ...entry, reason: "" };
    expect(new Set([none, dash, empty].map((each) => auditHash("", { ...each, number: 1 }))).size).toBe(3);
  });
});
