import type { ErrorCode } from "../errors.ts";

/** What a connection is for; it decides the code under which its failures are reported. */
export type SqlRole = "input" | "output" | "state";

interface RoleCodes {
  /** The database cannot be reached, or is busy. */
  readonly unavailable: ErrorCode;
  /** What stands at the address is not a database, or a damaged one. */
  readonly unreadable: ErrorCode;
}

export const roleCodes: Readonly<Record<SqlRole, RoleCodes>> = {
  input: { unavailable: "SOURCE_UNAVAILABLE", unreadable: "SOURCE_INVALID" },
  output: { unavailable: "OUTPUT_UNAVAILABLE", unreadable: "OUTPUT_FAILED" },
  state: { unavailable: "STATE_UNAVAILABLE", unreadable: "STATE_UNREADABLE" },
};
