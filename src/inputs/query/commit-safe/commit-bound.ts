import type { SqlDialect } from "../../../databases/port.ts";
import { type BoundParts, boundWherePossible, type CommitBound } from "./bound.ts";
import { IdBound } from "./id-bound.ts";
import { MysqlIds } from "./mysql-ids.ts";
import { MysqlTimestampBound } from "./mysql-timestamps.ts";
import { PostgresIds } from "./postgres-ids.ts";
import { TimestampBound } from "./timestamp-bound.ts";

interface Bounds {
  readonly times: (parts: BoundParts) => CommitBound;
  readonly ids: (parts: BoundParts) => CommitBound;
}

/** By database; one that has a single writer needs none. */
const bounds: Readonly<Partial<Record<SqlDialect["name"], Bounds>>> = {
  postgres: {
    times: (parts) => new TimestampBound(parts),
    ids: (parts) => new IdBound(parts, new PostgresIds(parts)),
  },
  mysql: {
    times: (parts) => new MysqlTimestampBound(parts),
    ids: (parts) => new IdBound(parts, new MysqlIds(parts)),
  },
};

/** The bound for what a stream follows: times that the database gives, or ids that it counts; null where none is needed. */
export function commitBound(parts: BoundParts, declared: boolean): CommitBound | null {
  const { times, ids } = bounds[parts.connection.dialect.name] ?? {};
  const bound = (parts.field.type === "timestamp_utc" ? times : ids)?.(parts);
  return bound === undefined ? null : boundWherePossible(bound, declared, parts);
}
