import { messageOf, TidemarkError } from "../../errors.ts";
import { excerpt } from "../excerpt.ts";
import { missingRight, onlyReads } from "../rights.ts";
import { roleCodes, type SqlRole } from "../roles.ts";
import { messageOfDriver, unreachable } from "../unreachable.ts";
import { mysqlTlsProblem } from "./tls-problem.ts";

/** The parts of the driver's errors that are of use. `errno` is the server's number. */
interface ServerError {
  readonly code?: unknown;
  readonly errno?: unknown;
  readonly sqlState?: unknown;
  readonly fatal?: unknown;
}

const deadlock = 1213;
const lockWaits = new Set([1205, 3572]);
/**
 * Error numbers of temporary failures: shutdowns, too many sessions, a session that was ended, a full disk, a broken
 * wire, a row that changed under a snapshot.
 */
const notNow = new Set([1020, 1021, 1040, 1053, 1077, 1114, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1226]);
const sessionEnded = new Set([1927, 2006, 2013, 2055, 3169, 4031]);
/** The server refuses the login; a retry does not help. */
const notLetIn = new Set([1044, 1045, 1129, 1130, 1251, 1524, 1698, 1862, 2049, 2061, 3118, 3159]);
const noSuchDatabase = 1049;
const notLetInCodes = /^AUTH_SWITCH_PLUGIN_ERROR$/;
const socketCodes = /^(?:E(?!R_)[A-Z_]+|PROTOCOL_.*|HANDSHAKE_.*|DEPTH_ZERO_.*|CERT_.*|SELF_SIGNED.*)$/;
const packetTooLarge = 1153;
/** The server runs with `--read-only` (and `--super-read-only`), or the transaction only reads. */
const readOnly = new Set([1290, 1792, 1836]);
/** No right to a table, a column or a routine, or for what the whole server grants. */
const noRight = new Set([1142, 1143, 1227, 1370]);

/** A driver's error as the connection's role reports it. `place` names the database, without secrets. */
export function mysqlError(thrown: unknown, role: SqlRole, place: string, sql?: string): TidemarkError {
  if (thrown instanceof TidemarkError) return thrown;
  const error = partsOf(thrown);
  const number = Number(error.errno);
  const message = messageOfDriver(thrown);
  const details = {
    database: place,
    ...(typeof error.sqlState === "string" ? { sqlState: error.sqlState } : {}),
    ...(typeof error.code === "string" ? { error: error.code } : {}),
    ...(typeof error.errno === "number" ? { errno: error.errno } : {}),
    ...(sql === undefined ? {} : { sql: excerpt(sql) }),
  };
  const unavailable = roleCodes[role].unavailable;
  if (lockWaits.has(number)) {
    return new TidemarkError(unavailable, `${place}: a lock was not granted in time (${message})`, {
      cause: thrown,
      details,
      hint: "Another session holds it; see SHOW PROCESSLIST. The next run goes on from the last checkpoint.",
    });
  }
  const never = unreachable(thrown, { role, place, message, tls: mysqlTlsProblem(thrown), details });
  if (never !== null) return never;
  // If the statement names it, the error is in the statement.
  const nowhere = number === noSuchDatabase && sql === undefined;
  if (nowhere || notLetIn.has(number) || notLetInCodes.test(String(error.code))) {
    return new TidemarkError(unavailable, `${place} refused the connection: ${message}`, {
      cause: thrown,
      details,
      hint: "Check the user, the password, the database's name and the TLS options in the connection string.",
      recoverable: false,
    });
  }
  if (number === deadlock || notNow.has(number) || isConnectionLoss(thrown)) {
    return new TidemarkError(unavailable, `${place}: ${message}`, { cause: thrown, details });
  }
  if (readOnly.has(number)) return onlyReads({ role, place, message, thrown, details });
  if (noRight.has(number)) return missingRight({ role, place, message, thrown, details }, wantedOf(message));
  return new TidemarkError("QUERY_FAILED", `${place}: ${message}`, {
    cause: thrown,
    details,
    ...(number === packetTooLarge ? { hint: "Raise the server's `max_allowed_packet`." } : {}),
  });
}

/** The object for a GRANT, from `INSERT command denied to user … for table `shop`.`orders``. */
function wantedOf(message: string): string | null {
  return / for table (\S+)$/.exec(message)?.[1] ?? null;
}

function partsOf(thrown: unknown): ServerError {
  return typeof thrown === "object" && thrown !== null ? thrown : {};
}

/** Whether the connection was lost, so that the outcome of the last statement is unknown. */
export function isConnectionLoss(thrown: unknown): boolean {
  const { code, errno, fatal } = partsOf(thrown);
  if (sessionEnded.has(Number(errno)) || fatal === true) return true;
  if (typeof code === "string") return socketCodes.test(code);
  // Errors of the driver itself have no code.
  return /connection|closed/i.test(messageOf(thrown));
}
