import { IdBound } from "../../commit-safe/id-bound.ts";
import { queryErrors } from "../../commit-safe/query-errors.ts";
import type { SafeBounds } from "../../port.ts";
import type { PostgresSession } from "../session.ts";
import { PostgresIds } from "./ids.ts";
import { TimestampBound } from "./timestamps.ts";

export function postgresSafeBounds(session: PostgresSession): SafeBounds {
  return {
    times: (parts) => new TimestampBound(session, parts),
    ids: (parts) => new IdBound(parts, new PostgresIds(session, parts)),
    // Two columns of one name.
    isOfQuery: queryErrors({ onlyInside: new Set(["42701"]) }),
  };
}
