import { isTidemarkError } from "../../../errors.ts";
import type { StateDatabase } from "./database.ts";
import { assertKnownTables, type Tables } from "./schema.ts";
import { type Statement, statement } from "./statement.ts";

/**
 * Writes rows that fill some pages and are gone when the transaction ends. On a full disk the small write below may
 * still fit into existing pages, although no table can grow.
 */
const fill = `CREATE TEMPORARY TABLE tidemark_probe ON COMMIT DROP AS
  SELECT sha256(n::text::bytea) AS filler FROM generate_series(1, 1000) n`;

/** Writes to the state's database without a change to anything in it. */
export class PostgresProbe {
  readonly #database: StateDatabase;
  readonly #touch: Statement<never>;

  constructor(database: StateDatabase, tables: Tables) {
    this.#database = database;
    // A row that another session is writing to proves that writes work; there is no need to wait for it.
    this.#touch = statement(
      "probe",
      [],
      `WITH touched AS (
         UPDATE ${tables.schema} SET version = version
         WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${tables.schema} FOR NO KEY UPDATE SKIP LOCKED)))
       SELECT max(version) AS version FROM ${tables.schema}`,
    );
  }

  /** Throws `STATE_UNAVAILABLE`, and `STATE_TOO_NEW` where a newer version has brought the tables further. */
  async write(): Promise<void> {
    const [row] = await this.#database.run(this.#touch, {});
    assertKnownTables(row?.version, this.#database.place);
    if (!this.#database.ranFull) return;
    try {
      await this.#database.transact(true, (session) => session.script(fill));
    } catch (error) {
      // A role that may not create temporary tables cannot check this.
      if (!isTidemarkError(error) || error.details?.sqlState !== "42501") throw error;
    }
    this.#database.ranFull = false;
  }
}
