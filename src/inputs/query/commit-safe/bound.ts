import type { BoundParts, CommitBound, SafeBounds } from "../../../databases/port.ts";
import { Unbounded } from "../../../databases/unbounded.ts";
import { isTidemarkError, TidemarkError } from "../../../errors.ts";
import type { Position } from "../../../model/position.ts";

/**
 * A safe bound that is optional: where the database has none, the run warns `COMMIT_SAFE_OFF`. If `commitSafe` is
 * declared, it throws `SOURCE_REFUSED` instead. An unreadable table or query is left to the read, which reports it.
 */
export function boundWherePossible(
  bound: CommitBound,
  declared: boolean,
  parts: BoundParts & Pick<SafeBounds, "isOfQuery">,
): CommitBound {
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

/** Whether the pipeline's table or query can be read. If not, the read's own error reports it. */
async function canBeRead(
  { connection, subject, isOfQuery }: BoundParts & Pick<SafeBounds, "isOfQuery">,
  position: Position,
): Promise<boolean> {
  try {
    const { sql, params } = await subject(position);
    const { limited } = connection.dialect.fragments;
    await connection.query(limited(`SELECT 1 FROM (${sql}\n) subject`, 0), params);
  } catch (error) {
    if (isTidemarkError(error, "QUERY_FAILED") && isOfQuery(error)) return false;
  }
  return true;
}

function reasonOf(error: unknown): { why: string; hint: string } | null {
  if (error instanceof Unbounded) return { why: error.message, hint: error.hint };
  // Databases that only implement another database's protocol lack its system views.
  if (isTidemarkError(error, "QUERY_FAILED")) return { why: error.message, hint: error.hint };
  return null;
}
