import { messageOf, TidemarkError } from "../errors.ts";
import { roleCodes, type SqlRole } from "./roles.ts";
import type { TlsProblem } from "./tls.ts";

interface Failed {
  readonly role: SqlRole;
  /** The database, for messages, without secrets. */
  readonly place: string;
  /** The error's message. */
  readonly message: string;
  /** The result of `tlsProblemOf`. */
  readonly tls: TlsProblem | null;
  readonly details: Readonly<Record<string, unknown>>;
}

/** The error for failures that a retry does not fix: TLS, and an unknown host. Null for anything else. */
export function unreachable(
  thrown: unknown,
  { role, place, message, tls, details }: Failed,
): TidemarkError | null {
  if (tls === null && !isUnknownHost(thrown)) return null;
  return new TidemarkError(roleCodes[role].unavailable, `${place}: ${tls?.what ?? message}`, {
    cause: thrown,
    details,
    hint: tls?.hint ?? "No such host is known: check the host's name in the connection string.",
    recoverable: false,
  });
}

function isUnknownHost(thrown: unknown): boolean {
  return typeof thrown === "object" && thrown !== null && "code" in thrown && thrown.code === "ENOTFOUND";
}

/** A driver's message. A name with several addresses fails with one error for each, and no message of its own. */
export function messageOfDriver(thrown: unknown): string {
  if (!(thrown instanceof AggregateError) || thrown.message !== "") return messageOf(thrown);
  return thrown.errors.map(messageOf).join("; ");
}
