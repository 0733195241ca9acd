import { IdBound } from "../../commit-safe/id-bound.ts";
import type { SafeBounds } from "../../port.ts";
import type { PostgresSession } from "../session.ts";
import { PostgresIds } from "./ids.ts";
import { TimestampBound } from "./timestamps.ts";

export function postgresSafeBounds(session: PostgresSession): SafeBounds {
  return {
    times: (parts) => new TimestampBound(session, parts),
    ids: (parts) => new IdBound(parts, new PostgresIds(session, parts)),
  };
}
