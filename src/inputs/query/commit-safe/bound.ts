import type { BoundParts, CommitBound } from "../../../databases/port.ts";
import { Unbounded } from "../../../databases/unbounded.ts";
import { isTidemarkError, TidemarkError } from "../../../errors.ts";
import type { Position } from "../../../model/position.ts";

/**
 * A bound that the pipeline does without where the database has none, with the warning `COMMIT_SAFE_OFF`; where it is
 * declared, that is `SOURCE_REFUSED`. What cannot be read at all is left to the read, whose error says so.
 */
export function boundWherePossible(bound: CommitBound, declared: boolean, parts: BoundParts): CommitBound {
  return {
    note: () => bound.note(),
    get readsPast() {
      return bound.readsPast ?? false;
    },
    async safeUpper(position) {
      try {
        return await bound.safeUpper(position);
      } catch (error) {
        const reason = reasonOf(error);
        if (reason === null) throw error;
        if (!(await canBeRead(parts, position))) return null;
        const { why, hint } = reason;
        if (declared) {
          const message = `\`commitSafe: true\` cannot be kept: ${why}`;
          throw new TidemarkError("SOURCE_REFUSED", message, { cause: error, hint });
        }
        parts.warn(
          "COMMIT_SAFE_OFF",
          `a row that is committed late, below the watermark, is not read: ${why}. ${hint} \`commitSafe: false\` says that there are none.`,
        );
        return null;
      }
    },
  };
}

/** Whether what the pipeline reads can be read: where it cannot, the read's own error says so, and the bound has no part in it. */
async function canBeRead({ connection, subject }: BoundParts, position: Position): Promise<boolean> {
  try {
    const { sql, params } = await subject(position);
    await connection.query(`SELECT 1 FROM (${sql}\n) AS subject LIMIT 0`, params);
  } catch (error) {
    if (isTidemarkError(error, "QUERY_FAILED") && isOfQuery(error)) return false;
  }
  return true;
}

/**
 * By classes of SQLSTATE: names, rights and text that is no query (42), values that no type holds (22), no such
 * database or schema (3D, 3F), what a transaction that only reads may not do (25006), a column that two tables
 * have (23 on MySQL), operands that do not go together (21, HY000).
 */
const ofQueries = /^(?:42|22|23|3D|3F|21|25006|HY000)/;
/** Two columns of one name, and what may only stand outermost: only as a part of another query are they refused. */
const onlyInside = new Set(["42701", "42S21", "0A000"]);

function isOfQuery({ cause, details }: TidemarkError): boolean {
  const state = String(details?.sqlState);
  return cause === undefined || (ofQueries.test(state) && !onlyInside.has(state));
}

function reasonOf(error: unknown): { why: string; hint: string } | null {
  if (error instanceof Unbounded) return { why: error.message, hint: error.hint };
  // Databases that only speak PostgreSQL's protocol do not have its views.
  if (isTidemarkError(error, "QUERY_FAILED")) return { why: error.message, hint: error.hint };
  return null;
}
