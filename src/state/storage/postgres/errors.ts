import { isConnectionLoss, postgresError } from "../../../databases/postgres/errors.ts";
import { tlsProblemOf } from "../../../databases/tls.ts";
import { messageOf, TidemarkError } from "../../../errors.ts";

/** The server gave up waiting for a lock or for itself, or is a standby that takes no writes now. */
const notNow = /^(?:57014|25006)$/;
/** Tables or columns that are gone, values that are not of their form, damaged pages, doubled rows. */
const notReadable = /^(?:42P01|42P07|42703|42883|22|23|XX)/;
const otherTables =
  "A newer version of Tidemark may have changed the tables: start this process again, with that version. Otherwise restore the tables from a backup.";
const noSuchCharacter = /^(?:22021|22P05)$/;
const notAllowed = /^(?:42501|3F000)$/;

/**
 * Converts what the driver or the server threw to a `TidemarkError`; other errors are returned unchanged. `place` names
 * the database.
 */
export function stateError(thrown: unknown, place: string): unknown {
  if (thrown instanceof TidemarkError) return thrown;
  if (tlsProblemOf(thrown) !== null) return postgresError(thrown, "state", place);
  const code = sqlState(thrown);
  if (code === null) return isConnectionLoss(thrown) ? postgresError(thrown, "state", place) : thrown;
  const options = { cause: thrown, details: { database: place, sqlState: code } };
  const message = `${place}: ${messageOf(thrown)}`;
  if (noSuchCharacter.test(code)) {
    return new TidemarkError(
      "ARGUMENT_INVALID",
      `${place} cannot keep a character of the text: ${messageOf(thrown)}`,
      {
        ...options,
        hint: "PostgreSQL keeps no U+0000; remove it where the text is made.",
      },
    );
  }
  if (code === "25P02") {
    return new TidemarkError(
      "ARGUMENT_INVALID",
      `the caller's transaction has already failed: ${messageOf(thrown)}`,
      {
        ...options,
        hint: "Roll it back; what failed in it came before this call.",
      },
    );
  }
  if (notAllowed.test(code)) {
    return new TidemarkError("STATE_UNAVAILABLE", message, {
      ...options,
      hint: "Let the user create tables in the schema once, and read and write those of Tidemark.",
      recoverable: false,
    });
  }
  if (code === "42P01" || code === "42703") {
    return new TidemarkError("STATE_UNREADABLE", message, { ...options, hint: otherTables });
  }
  if (notReadable.test(code)) return new TidemarkError("STATE_UNREADABLE", message, options);
  if (notNow.test(code)) return new TidemarkError("STATE_UNAVAILABLE", message, options);
  const error = postgresError(thrown, "state", place);
  return error.code === "QUERY_FAILED" ? new TidemarkError("STATE_UNAVAILABLE", message, options) : error;
}

/** Why no connection could be made. */
export function connectError(thrown: unknown, place: string): unknown {
  const error = stateError(thrown, place);
  if (error instanceof TidemarkError) return error;
  // The driver's own refusals, of a password that is missing or of a certificate, have no code.
  return new TidemarkError("STATE_UNAVAILABLE", `${place}: ${messageOf(thrown)}`, {
    cause: thrown,
    hint: "Check the user, the password and the parameters of the state URL.",
    recoverable: false,
  });
}

/**
 * PostgreSQL's error code (SQLSTATE, five characters); null where the error is not from the server, like `EPIPE`. Query
 * builders have what the driver threw as the cause of an error of their own.
 */
export function sqlState(thrown: unknown): string | null {
  if (typeof thrown !== "object" || thrown === null) return null;
  if ("code" in thrown && typeof thrown.code === "string" && /^(?!E)[0-9A-Z]{5}$/.test(thrown.code)) {
    return thrown.code;
  }
  return thrown instanceof Error && thrown.cause !== thrown ? sqlState(thrown.cause) : null;
}
