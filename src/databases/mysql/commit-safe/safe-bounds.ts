import { IdBound } from "../../commit-safe/id-bound.ts";
import { queryErrors } from "../../commit-safe/query-errors.ts";
import type { SafeBounds } from "../../port.ts";
import { MysqlIds } from "./ids.ts";
import { MysqlTimestampBound } from "./timestamps.ts";

export const mysqlSafeBounds: SafeBounds = {
  times: (parts) => new MysqlTimestampBound(parts),
  ids: (parts) => new IdBound(parts, new MysqlIds(parts)),
  // Operands that do not go together; two columns of one name.
  isOfQuery: queryErrors({ further: new Set(["HY000"]), onlyInside: new Set(["42S21"]) }),
};
