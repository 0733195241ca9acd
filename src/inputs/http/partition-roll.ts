import { hash } from "node:crypto";
import type { Warn } from "../../engine/ports.ts";
import type { Facts } from "./facts.ts";

/** The fact with the number of names, and the names. */
const kind = "named";
/** With more names, only the number is stored: facts are stored with the stream and must be short. */
const mostKept = 200;
const digits = 5;

/**
 * Warns of partitions that a parent no longer names (`PARTITIONS_MISSING`). They are not read any more, and an
 * incomplete answer of the parent shows in no other way. It warns once for each, since deleting a partition is
 * legitimate.
 */
export function warnOfMissing(names: ReadonlySet<string>, facts: Facts, warn: Warn): void {
  const before = rollOf(facts.of(kind)[0]);
  const marks = [...names].map(markOf).sort();
  if (names.size === 0) {
    const earlier = before === null ? "" : `, and named ${before.count} when it was read before`;
    warn(
      "PARTITIONS_MISSING",
      `the parent names no partition${earlier}, so that nothing was read; check \`partitions.from\`, its \`dataField\` and what the credentials may see`,
    );
    // The former names are kept: a parent that answers completely again has lost none.
    return;
  }
  const gone = before === null ? 0 : missing(before, names.size, marks);
  if (gone > 0) {
    warn(
      "PARTITIONS_MISSING",
      `the parent names ${names.size} ${names.size === 1 ? "partition" : "partitions"}, and no longer ${gone} that it named before, so that ${gone === 1 ? "it was" : "they were"} not read. If they were deleted, this warning is given once; else the parent's answer was not whole, and the next run reads them from where they stand`,
    );
  }
  facts.learnOneOf(kind, `${names.size}-${names.size > mostKept ? "" : marks.join("")}`, 1);
}

interface Roll {
  readonly count: number;
  /** Null where they were too many. */
  readonly marks: readonly string[] | null;
}

function rollOf(fact: string | undefined): Roll | null {
  const [, count = "", marks = ""] = /^(\d+)-(.*)$/.exec(fact ?? "") ?? [];
  if (count === "") return null;
  return { count: Number(count), marks: marks === "" ? null : (marks.match(/.{5}/g) ?? []) };
}

function missing(before: Roll, count: number, marks: readonly string[]): number {
  if (before.marks === null) return Math.max(0, before.count - count);
  const named = new Set(marks);
  return before.marks.filter((mark) => !named.has(mark)).length;
}

function markOf(name: string): string {
  return hash("sha1", name, "base64url").slice(0, digits);
}
