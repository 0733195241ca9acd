import { IdBound } from "../../commit-safe/id-bound.ts";
import type { SafeBounds } from "../../port.ts";
import { MysqlIds } from "./ids.ts";
import { MysqlTimestampBound } from "./timestamps.ts";

export const mysqlSafeBounds: SafeBounds = {
  times: (parts) => new MysqlTimestampBound(parts),
  ids: (parts) => new IdBound(parts, new MysqlIds(parts)),
};
