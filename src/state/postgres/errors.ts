import { messageOf, TidemarkError } from "../../errors.ts";
import { postgresError } from "../../sql/postgres/errors.ts";

/** The server gave up waiting for a lock or for itself, or is a standby that takes no writes now. */
const notNow = /^(?:57014|25006)$/;
/** Tables or columns that are gone, values that are not of their form, damaged pages, doubled rows. */
const notReadable = /^(?:42P01|42P07|42703|42883|22|23|XX)/;
const noSuchCharacter = /^(?:22021|22P05)$/;
const notAllowed = /^(?:42501|3F000)$/;

/** What the driver or the server threw, as a `TidemarkError` of the state. `place` names the database. */
export function stateError(thrown: unknown, place: string): TidemarkError {
  if (thrown instanceof TidemarkError) return thrown;
  const code = sqlState(thrown);
  const options = {
    cause: thrown,
    details: { database: place, ...(code === null ? {} : { sqlState: code }) },
  };
  const message = `${place}: ${messageOf(thrown)}`;
  if (code === null) return postgresError(thrown, "state", place);
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
  if (notReadable.test(code)) return new TidemarkError("STATE_UNREADABLE", message, options);
  if (notNow.test(code)) return new TidemarkError("STATE_UNAVAILABLE", message, options);
  const error = postgresError(thrown, "state", place);
  return error.code === "QUERY_FAILED" ? new TidemarkError("STATE_UNAVAILABLE", message, options) : error;
}

/** The five characters by which PostgreSQL tells an error; null where it was not the server (`EPIPE` is none). */
export function sqlState(thrown: unknown): string | null {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return null;
  return typeof thrown.code === "string" && /^(?!E)[0-9A-Z]{5}$/.test(thrown.code) ? thrown.code : null;
}
