import { TidemarkError } from "../errors.ts";
import { roleCodes, type SqlRole } from "./roles.ts";
import { tlsProblemOf } from "./tls.ts";

interface Failed {
  readonly role: SqlRole;
  /** The database, for messages, without secrets. */
  readonly place: string;
  /** What was thrown, in words. */
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** What no later attempt to connect mends: TLS that fails, and a host that nobody has. Null for anything else. */
export function unreachable(
  thrown: unknown,
  { role, place, message, details }: Failed,
): TidemarkError | null {
  const tls = tlsProblemOf(thrown);
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
