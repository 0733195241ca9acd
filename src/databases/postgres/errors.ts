import { messageOf, TidemarkError } from "../../errors.ts";
import { excerpt } from "../excerpt.ts";
import { missingRight, onlyReads } from "../rights.ts";
import { roleCodes, type SqlRole } from "../roles.ts";
import { tlsProblemOf } from "../tls.ts";
import { messageOfDriver, unreachable } from "../unreachable.ts";

/** The parts of `pg`'s errors that are of use; all of them are optional in one driver or another. */
interface ServerError {
  readonly code?: unknown;
  readonly detail?: unknown;
  readonly hint?: unknown;
  readonly column?: unknown;
  readonly constraint?: unknown;
  /** The server function that raised the error; a row that a policy rejects has the SQLSTATE of a missing right. */
  readonly routine?: unknown;
}

/**
 * Error classes and codes of temporary failures: broken connections, shutdowns, too many sessions, a full disk, locks
 * not granted in time, deadlocks.
 */
const notNow = /^(?:08|53|57P|25P0[34]|40|55P03|58)/;
/** The server refuses the login; a retry does not help. */
const notLetIn = /^(?:28|3D000)/;
const socketCodes = /^(?:E[A-Z]+|DEPTH_ZERO_.*|CERT_.*|SELF_SIGNED.*)$/;

/** A driver's error as the connection's role reports it. `place` names the database, without secrets. */
export function postgresError(thrown: unknown, role: SqlRole, place: string, sql?: string): TidemarkError {
  if (thrown instanceof TidemarkError) return thrown;
  const { code, detail, hint, column, constraint, routine }: ServerError =
    typeof thrown === "object" && thrown !== null ? thrown : {};
  const message =
    typeof detail === "string" ? `${messageOfDriver(thrown)}: ${detail}` : messageOfDriver(thrown);
  const details = {
    database: place,
    ...(typeof code === "string" ? { sqlState: code } : {}),
    ...(typeof column === "string" ? { column } : {}),
    ...(typeof constraint === "string" ? { constraint } : {}),
    ...(sql === undefined ? {} : { sql: excerpt(sql) }),
  };
  const unavailable = roleCodes[role].unavailable;
  const never = unreachable(thrown, { role, place, message, tls: tlsProblemOf(thrown), details });
  if (never !== null) return never;
  if (code === "57014" && /statement timeout/.test(message)) {
    return new TidemarkError("QUERY_FAILED", `${place}: ${message}`, {
      cause: thrown,
      details,
      hint: "One statement took longer than the role's or the database's `statement_timeout`. An index on the cursor's column makes it quick, a smaller `pageSize` makes it shorter; or raise the limit for this role.",
    });
  }
  if (code === "55P03") {
    return new TidemarkError(unavailable, `${place}: a lock was not granted in time (${message})`, {
      cause: thrown,
      details,
      hint: "Another session holds it; see pg_stat_activity. The next run goes on from the last checkpoint.",
    });
  }
  if (typeof code === "string" && notLetIn.test(code)) {
    return new TidemarkError(unavailable, `${place} refused the connection: ${message}`, {
      cause: thrown,
      details,
      hint: /no encryption|SSL off/.test(message)
        ? "The server wants TLS: add `?sslmode=require`, or `verify-full` with `sslrootcert`, to the connection string."
        : "Check the user, the password and the database's name in the connection string.",
      recoverable: false,
    });
  }
  if (isConnectionLoss(thrown) || (typeof code === "string" && notNow.test(code))) {
    return new TidemarkError(unavailable, `${place}: ${message}`, { cause: thrown, details });
  }
  if (code === "25006") return onlyReads({ role, place, message, thrown, details });
  if (code === "42501" && routine !== "ExecWithCheckOptions" && typeof hint !== "string") {
    return missingRight({ role, place, message, thrown, details }, wantedOf(message));
  }
  return new TidemarkError("QUERY_FAILED", `${place}: ${message}`, {
    cause: thrown,
    details,
    ...(typeof hint === "string" ? { hint } : isUntyped(code) ? { hint: typeHint } : {}),
  });
}

/** `$1 IS NULL` says nothing of what `$1` is. */
function isUntyped(code: unknown): boolean {
  return code === "42P18" || code === "42P08";
}

const typeHint = "Say the parameter's type where the query names it first, as in `$1::timestamptz IS NULL`.";

/** The object for a GRANT, from `permission denied for table orders`. */
function wantedOf(message: string): string | null {
  const [, kind, name] =
    /^permission denied for (table|view|materialized view|relation|schema) (\S+)$/.exec(message) ?? [];
  if (name === undefined) return null;
  return kind === "schema" ? `SCHEMA ${name}` : name;
}

/** Whether the connection was lost, so that the outcome of the last statement is unknown. */
export function isConnectionLoss(thrown: unknown): boolean {
  if (typeof thrown !== "object" || thrown === null) return false;
  const code: unknown = "code" in thrown ? thrown.code : undefined;
  if (typeof code === "string") return socketCodes.test(code) || /^(?:08|57P0|25P03)/.test(code);
  // Errors of the driver itself have no code.
  return /connection|timeout|closed|not queryable/i.test(messageOf(thrown));
}
