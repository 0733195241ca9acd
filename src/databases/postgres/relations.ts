import type { SqlConnection } from "../port.ts";
import { Unbounded } from "../unbounded.ts";

/** A table with all that its rows may be stored in: partitions, and what inherits from it or is inherited. */
export interface Relations {
  readonly oids: readonly string[];
}

const familyQuery = `
WITH RECURSIVE above(oid) AS (
  SELECT to_regclass($1)::oid
  UNION SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN above a ON a.oid = i.inhrelid
), family(oid) AS (
  SELECT oid FROM above
  UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN family f ON f.oid = i.inhparent
)
SELECT f.oid::text AS oid, c.relkind::text AS kind
  FROM family f JOIN pg_catalog.pg_class c ON c.oid = f.oid`;

/**
 * The relations whose locks show which transactions have written to a table: an INSERT or UPDATE holds RowExclusiveLock
 * on where it writes until its transaction ends. Null where no lock does: what is no table of its own.
 */
export async function relationsOf(
  connection: SqlConnection,
  table: string | null,
): Promise<Relations | null> {
  if (table === null) return null;
  const rows = await connection.query(familyQuery, [connection.dialect.table(table)]);
  const isStored = rows.every(({ kind }) => kind === "r" || kind === "p");
  return rows.length > 0 && isStored ? { oids: rows.map(({ oid }) => String(oid)) } : null;
}

const sequencesQuery = `
SELECT DISTINCT s.seqrelid::text AS oid, s.seqrelid::regclass::text AS name,
       s.seqcache::text AS cache, s.seqincrement::text AS increment, s.seqcycle AS cycles
  FROM pg_catalog.pg_sequence s
  JOIN pg_catalog.pg_depend d
    ON (d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.seqrelid
        AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')
        AND EXISTS (SELECT FROM pg_catalog.pg_attribute a
                     WHERE a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                       AND a.attname = $2 AND a.attrelid = ANY ($1::text::oid[])))
    OR (d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refobjid = s.seqrelid
        AND EXISTS (SELECT FROM pg_catalog.pg_attrdef v
                      JOIN pg_catalog.pg_attribute a ON a.attrelid = v.adrelid AND a.attnum = v.adnum
                     WHERE v.oid = d.objid AND a.attname = $2 AND v.adrelid = ANY ($1::text::oid[])))`;

/** The sequences that a column takes its values from. Throws `Unbounded` for one that does not assign them in order. */
export async function sequencesOf(
  connection: SqlConnection,
  { oids }: Relations,
  column: string,
): Promise<readonly string[]> {
  const rows = await connection.query(sequencesQuery, [oidArray(oids), column]);
  for (const { name, cache, increment, cycles } of rows)
    assertOrdered(String(name), { cache, increment, cycles });
  return rows.map(({ oid }) => String(oid));
}

function assertOrdered(name: string, by: { cache: unknown; increment: unknown; cycles: unknown }): void {
  const instead = "or read the table with `cursor: xmin`.";
  if (by.cache !== "1") {
    throw new Unbounded(
      `the sequence ${name} gives each session ${by.cache} ids at a time, so that a later transaction may use a lower one`,
      `ALTER SEQUENCE ${name} CACHE 1, ${instead}`,
    );
  }
  if (by.cycles === true || String(by.increment).startsWith("-")) {
    throw new Unbounded(
      `the ids of the sequence ${name} do not only rise`,
      `ALTER SEQUENCE ${name} NO CYCLE INCREMENT 1, ${instead}`,
    );
  }
}

/** Oids as one parameter. */
export function oidArray(oids: readonly string[]): string {
  return `{${oids.join(",")}}`;
}
