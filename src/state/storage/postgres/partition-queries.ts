import { columnNames } from "../../derive/table.ts";
import { partitions } from "../../tables.ts";
import { coverageList, insertionOfMany, orUpdate, type Place, selected, tieSetList } from "./columns.ts";
import type { Tables } from "./schema.ts";
import { statement } from "./statement.ts";

/** Reading and writing partitions, many with one statement, and what finished backfills covered. */
export type PartitionQueries = ReturnType<typeof partitionQueriesOn>;

const stream = ["connector", "stream"] as const;
const scope = [...stream, "scope"] as const;

/** An arbitrary lock number, which must be the same in every version. */
const backfilledLock = 1_953_260_902;

export function partitionQueriesOn(tables: Tables) {
  return {
    ...partitionRows(tables),
    ...childRows(tables),
    ...backfilledRows(tables),
  };
}

function partitionRows(tables: Tables) {
  const ofScope = "p.connector = $connector AND p.stream = $stream AND p.scope = $scope";
  const whole = `${selected("p", partitions)},
    ${tieSetList(tables, placeOfPartition)} AS tie_set, ${coverageList(tables, placeOfPartition)} AS coverage`;
  return {
    readPartitions: statement(
      "read_partitions",
      [...scope, "names"],
      `SELECT ${whole}, ${loggedWatermark(tables)}
       FROM ${tables.partitions} p WHERE ${ofScope} AND p.partition = ANY($names::text[])`,
    ),
    listPartitions: statement(
      "list_partitions",
      [...scope, "after", "limit"],
      `SELECT ${whole} FROM ${tables.partitions} p WHERE ${ofScope} AND p.partition > $after
       ORDER BY p.partition LIMIT $limit::integer`,
    ),
    hasPartitions: statement(
      "has_partitions",
      [...scope, "since_epoch"],
      `SELECT EXISTS (
         SELECT FROM ${tables.partitions} p WHERE ${ofScope} AND p.position_epoch >= $since_epoch) AS found`,
    ),
    savePartitions: statement(
      "save_partitions",
      columnNames(partitions),
      `${insertionOfMany(tables.partitions, partitions, scope)} ${orUpdate(partitions)}`,
    ),
  };
}

/**
 * The last log row of a live partition. Where there is none, the row may be in the archive, so the watermark is
 * unknown.
 */
function loggedWatermark(tables: Tables): string {
  const rows = `FROM ${tables.audit} a
    WHERE p.scope = '' AND a.connector = p.connector AND a.stream = p.stream AND a.partition = p.partition`;
  return `
    (SELECT a.new_cursor ${rows} ORDER BY a.number DESC LIMIT 1) AS logged,
    p.scope = '' AND (EXISTS (SELECT ${rows}) OR NOT EXISTS (SELECT FROM ${tables.logs} l
      WHERE l.connector = p.connector AND l.stream = p.stream AND l.archived_number > 0)) AS is_logged`;
}

/** The tie set and coverage under several scopes at once. */
function childRows(tables: Tables) {
  return {
    /** `NOT IN` compares by one hash table, however many keys there are. */
    dropKeys: statement(
      "drop_keys",
      [...stream, "scopes", "kept_scopes", "kept_identities", "kept_cursors", "kept_counts"],
      `DELETE FROM ${tables.tieSet} b
       WHERE b.connector = $connector AND b.stream = $stream AND b.scope = ANY($scopes::text[])
         AND (b.scope, b.identity, b.cursor_value, b.count) NOT IN (
           SELECT * FROM unnest($kept_scopes::text[], $kept_identities::text[], $kept_cursors::text[],
             $kept_counts::bigint[]))`,
    ),
    addKeys: statement(
      "add_keys",
      [...stream, "scopes", "identities", "cursors", "counts"],
      `INSERT INTO ${tables.tieSet} (connector, stream, scope, identity, cursor_value, count)
       SELECT $connector, $stream, k.*
       FROM unnest($scopes::text[], $identities::text[], $cursors::text[], $counts::bigint[]) k`,
    ),
    dropIntervals: statement(
      "drop_intervals",
      [...stream, "scopes"],
      `DELETE FROM ${tables.coverage} c
       WHERE c.connector = $connector AND c.stream = $stream AND c.scope = ANY($scopes::text[])`,
    ),
    addIntervals: statement(
      "add_intervals",
      [...stream, "scopes", "numbers", "lowers", "uppers"],
      `INSERT INTO ${tables.coverage} (connector, stream, scope, number, lower_value, upper_value)
       SELECT $connector, $stream, i.*
       FROM unnest($scopes::text[], $numbers::bigint[], $lowers::text[], $uppers::text[]) i`,
    ),
  };
}

function backfilledRows(tables: Tables) {
  const ofStream = "c.connector = $connector AND c.stream = $stream";
  return {
    /** A lock until the transaction ends, so that backfills of one stream complete one after another. */
    lockBackfilled: statement(
      "lock_backfilled",
      stream,
      `SELECT pg_advisory_xact_lock(${backfilledLock}, hashtext($connector || chr(10) || $stream))`,
    ),
    readIntervals: statement(
      "read_intervals",
      [...stream, "scopes"],
      `SELECT c.scope, c.lower_value AS lower, c.upper_value AS upper FROM ${tables.coverage} c
       WHERE ${ofStream} AND c.scope = ANY($scopes::text[]) ORDER BY c.scope, c.number`,
    ),
    dropIntervalsUnder: statement(
      "drop_intervals_under",
      [...stream, "first", "end"],
      `DELETE FROM ${tables.coverage} c WHERE ${ofStream} AND c.scope >= $first AND c.scope < $end`,
    ),
    scopesUnder: statement(
      "scopes_under",
      [...stream, "first", "end"],
      `SELECT DISTINCT c.scope FROM ${tables.coverage} c
       WHERE ${ofStream} AND c.scope >= $first AND c.scope < $end ORDER BY c.scope`,
    ),
  };
}

/** As `partitionScope` has it. */
const placeOfPartition: Place = {
  connector: "p.connector",
  stream: "p.stream",
  scope: `(CASE p.scope WHEN '' THEN '' ELSE p.scope || '/' END || 'partition/' || p.partition)`,
};
