import { TidemarkError } from "../errors.ts";

/**
 * Tables that Tidemark keeps for its own use, and that change together from version to version. Each database has one
 * function that creates them and brings older ones up to date: `sqlite/migrate.ts` and the `migrate.ts` of the state on
 * PostgreSQL.
 */
export interface VersionedTables {
  /** Their name in messages, for example `the state tables`. */
  readonly title: string;
  /** Creates them at the newest version. */
  readonly create: string;
  /** The first step leads from version 1 to version 2, and so on. Never change a step. */
  readonly steps: readonly string[];
  /** SQL that stores the version which the tables now have. */
  readonly setVersion: (version: number) => string;
}

/** Tables with their version in the only row of one of them. */
export interface TablesWithVersionRow extends VersionedTables {
  /** The table with the column `version`. */
  readonly versionTable: string;
  /** Another of the tables. A database that has one of the two and no version is damaged, and not new. */
  readonly mainTable: string;
}

/** What a database says about the version of some tables. */
export interface StoredVersion {
  readonly hasTables: boolean;
  readonly version: unknown;
}

/** SQL that stores a version in the only row of a table. */
export function setVersionIn(versionTable: string): (version: number) => string {
  return (version) => `UPDATE ${versionTable} SET version = ${version}`;
}

/** The version that this Tidemark writes. */
export function newestVersion({ steps }: VersionedTables): number {
  return steps.length + 1;
}

/**
 * The version that tables have; 0 where there are none. Throws `STATE_UNREADABLE` where there are tables without a
 * version, and `STATE_TOO_NEW`.
 */
export function versionOf(tables: VersionedTables, stored: StoredVersion, place: string): number {
  if (!stored.hasTables) return 0;
  const { version } = stored;
  if (typeof version !== "number" || version < 1) {
    throw new TidemarkError(
      "STATE_UNREADABLE",
      `${place}: ${tables.title} do not say of which version they are; some of them are missing`,
    );
  }
  assertKnownVersion(tables, version, place);
  return version;
}

/** Throws `STATE_TOO_NEW` where a newer version of Tidemark has changed the tables. */
export function assertKnownVersion(tables: VersionedTables, version: unknown, place: string): void {
  const newest = newestVersion(tables);
  if (typeof version !== "number" || version <= newest) return;
  throw new TidemarkError(
    "STATE_TOO_NEW",
    `${place}: ${tables.title} are of version ${version}; this version of Tidemark knows ${newest}`,
  );
}

/** The SQL that leads from a version to the newest one, to be run in one transaction. */
export function scriptsAfter(tables: VersionedTables, version: number): readonly string[] {
  const newest = newestVersion(tables);
  if (version === newest) return [];
  const changes = version === 0 ? [tables.create] : tables.steps.slice(version - 1);
  return [...changes, tables.setVersion(newest)];
}
