import { audit } from "../../tables.ts";
import { selected } from "./columns.ts";
import type { Tables } from "./schema.ts";
import { statement } from "./statement.ts";

const stream = ["connector", "stream"] as const;

/** The list of the streams that were ever stored, and the ends of their audit logs. */
export function logQueriesOn(tables: Tables) {
  const ofStream = "a.connector = $connector AND a.stream = $stream";
  return {
    /** The last log row about the stream as a whole that could move it. */
    lastAudit: statement(
      "last_audit",
      stream,
      `SELECT ${selected("a", audit)} FROM ${tables.audit} a
       WHERE ${ofStream} AND a.partition IS NULL AND a.action <> 'stop' ORDER BY a.number DESC LIMIT 1`,
    ),
    /** The same of each of many partitions. */
    lastAuditOfEach: statement(
      "last_audit_of_each",
      [...stream, "partitions"],
      `SELECT DISTINCT ON (a.partition) ${selected("a", audit)} FROM ${tables.audit} a
       WHERE ${ofStream} AND a.partition = ANY ($partitions::text[])
       ORDER BY a.partition, a.number DESC`,
    ),
    readLog: statement(
      "read_log",
      stream,
      `SELECT archived_number, archived_hash FROM ${tables.logs} WHERE connector = $connector AND stream = $stream`,
    ),
    /** Numbered by the count next to the schema's version, so that a stream removed from the list leaves a gap. */
    addLog: statement(
      "add_log",
      stream,
      `WITH counted AS (
         UPDATE ${tables.schema} SET logs = logs + 1
         WHERE NOT EXISTS (SELECT FROM ${tables.logs} WHERE connector = $connector AND stream = $stream)
         RETURNING logs)
       INSERT INTO ${tables.logs} (number, connector, stream, archived_number, archived_hash)
       SELECT logs, $connector, $stream, 0, '' FROM counted`,
    ),
    countLogs: statement(
      "count_logs",
      [],
      `SELECT s.logs AS counted, (SELECT count(*) FROM ${tables.logs} WHERE number BETWEEN 1 AND s.logs) AS listed
       FROM ${tables.schema} s`,
    ),
    listLogs: statement(
      "list_logs",
      ["after_connector", "after_stream", "limit"],
      `SELECT l.connector, l.stream, s.connector IS NOT NULL AS stored
       FROM ${tables.logs} l
       LEFT JOIN ${tables.streams} s ON s.connector = l.connector AND s.stream = l.stream AND s.scope = ''
       WHERE (l.connector, l.stream) > ($after_connector, $after_stream)
       ORDER BY l.connector, l.stream LIMIT $limit::integer`,
    ),
    archiveLog: statement(
      "archive_log",
      [...stream, "archived_number", "archived_hash"],
      `WITH kept AS (
         UPDATE ${tables.logs} SET archived_number = $archived_number::bigint, archived_hash = $archived_hash
         WHERE connector = $connector AND stream = $stream
       ), gone AS (
         DELETE FROM ${tables.audit} a WHERE ${ofStream} AND a.number <= $archived_number::bigint RETURNING 1
       )
       SELECT count(*) AS rows FROM gone`,
    ),
  };
}
