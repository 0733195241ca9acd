import type { ErrorCode } from "../errors.ts";

/** The purpose of a connection. It decides the codes of its failures. */
export type SqlRole = "input" | "output" | "state";

interface RoleCodes {
  /** The database cannot be reached, or is busy. */
  readonly unavailable: ErrorCode;
  /** The target is not a database, or a damaged one. */
  readonly unreadable: ErrorCode;
}

export const roleCodes: Readonly<Record<SqlRole, RoleCodes>> = {
  input: { unavailable: "SOURCE_UNAVAILABLE", unreadable: "SOURCE_INVALID" },
  output: { unavailable: "OUTPUT_UNAVAILABLE", unreadable: "OUTPUT_FAILED" },
  state: { unavailable: "STATE_UNAVAILABLE", unreadable: "STATE_UNREADABLE" },
};
