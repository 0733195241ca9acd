import { TidemarkError } from "../errors.ts";
import type { SqlRole } from "./roles.ts";

interface Refused {
  readonly role: SqlRole;
  /** The database, for messages, without secrets. */
  readonly place: string;
  /** What the server said. */
  readonly message: string;
  readonly thrown: unknown;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * The error for a statement that the role has no right to. `on` is the object as a GRANT names it; null where unknown.
 */
export function missingRight(refused: Refused, on: string | null): TidemarkError {
  const isSchema = on?.startsWith("SCHEMA ") === true;
  if (refused.role === "output") {
    const rights = isSchema ? "USAGE, CREATE" : "SELECT, INSERT, UPDATE, DELETE";
    const grant = on === null ? "Give" : `GRANT ${rights} ON ${on} TO`;
    return ofOutput(
      refused,
      `${grant} the role that the output connects as${on === null ? " that right" : ""}. It needs rights to read and write its tables and Tidemark's tables in the same schema, and must own the tables that it creates or alters.`,
    );
  }
  const grant = on === null ? "Give" : `GRANT ${isSchema ? "USAGE" : "SELECT"} ON ${on} TO`;
  return ofInput(
    refused,
    `${grant} the role that the input connects as${on === null ? " that right" : ""}; it reads, and needs no more.`,
  );
}

/** A statement that writes, where the transaction, the role or the server only reads. */
export function onlyReads(refused: Refused): TidemarkError {
  if (refused.role === "output") {
    return ofOutput(
      refused,
      "The output has to write there: connect to the primary where this is a standby or a replica, and let neither the role nor the server be set to read only (default_transaction_read_only, read_only).",
    );
  }
  return ofInput(
    refused,
    "An input reads in a transaction that may not write, so that nothing in the source changes. Leave out of the query what changes, numbers or locks something: nextval(), a function that writes, FOR UPDATE.",
  );
}

function ofOutput({ place, message, thrown, details }: Refused, hint: string): TidemarkError {
  return new TidemarkError("OUTPUT_FAILED", `the output ${place}: ${message}`, {
    cause: thrown,
    details,
    hint,
  });
}

function ofInput({ place, message, thrown, details }: Refused, hint: string): TidemarkError {
  return new TidemarkError("QUERY_FAILED", `${place}: ${message}`, { cause: thrown, details, hint });
}
