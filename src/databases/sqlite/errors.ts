import { messageOf, TidemarkError } from "../../errors.ts";
import { excerpt } from "../excerpt.ts";
import { roleCodes, type SqlRole } from "../roles.ts";

/** SQLite's primary result codes, which stand in the low byte of the extended ones. */
const busy = new Set([5, 6]);
const unreachable = new Map([
  [3, "its permissions forbid it"],
  [8, "it can only be read"],
  [10, "the disk failed"],
  [13, "the disk is full"],
  [14, "it cannot be opened"],
]);
const unreadable = new Map([
  [11, "the file is damaged"],
  [26, "the file is not a SQLite database"],
]);

/** A driver's error as the connection's role reports it. `file` names the database. */
export function sqliteError(thrown: unknown, role: SqlRole, file: string, sql?: string): TidemarkError {
  if (thrown instanceof TidemarkError) return thrown;
  const extended = resultCode(thrown);
  const code = extended & 0xff;
  const message = messageOf(thrown);
  const details = {
    database: file,
    ...(extended === 0 ? {} : { errcode: extended }),
    ...(sql === undefined ? {} : { sql: excerpt(sql) }),
  };
  if (busy.has(code)) {
    return new TidemarkError(
      roleCodes[role].unavailable,
      `${file} is locked by another process (${message})`,
      {
        cause: thrown,
        details,
        hint: "Let the other process finish, or find what holds a write transaction open, then try again.",
      },
    );
  }
  const why = unreachable.get(code);
  if (why !== undefined) {
    return new TidemarkError(
      roleCodes[role].unavailable,
      `${file} cannot be ${role === "input" ? "read" : "used"}: ${why} (${message})`,
      { cause: thrown, details, hint: "Check the path, the disk, and who may write there." },
    );
  }
  const damage = unreadable.get(code);
  if (damage !== undefined) {
    return new TidemarkError(roleCodes[role].unreadable, `${file}: ${damage} (${message})`, {
      cause: thrown,
      details,
      hint: "Nothing was changed. Check that the path is right, or put a good copy there.",
    });
  }
  return new TidemarkError("QUERY_FAILED", `${file}: ${message}`, { cause: thrown, details });
}

function resultCode(thrown: unknown): number {
  if (typeof thrown !== "object" || thrown === null || !("errcode" in thrown)) return 0;
  return typeof thrown.errcode === "number" ? thrown.errcode : 0;
}
