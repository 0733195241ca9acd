import { readCursorValue } from "../../../model/cursor.ts";
import { isoFormat } from "../../../model/timestamp.ts";
import { type BoundParts, type Subject, Unbounded } from "./bound.ts";
import { columnType, isNumber } from "./column.ts";
import type { Ask, IdSource } from "./id-bound.ts";
import { holdersOf, openTransactions } from "./id-holders.ts";
import { relationsOf, sequencesOf } from "./relation.ts";
import { primaryOnly } from "./standby.ts";

/** Ids in PostgreSQL, and who may hold them, by the locks on sequences and tables. */
export class PostgresIds implements IdSource {
  readonly #parts: BoundParts;

  constructor(parts: BoundParts) {
    this.#parts = parts;
  }

  async check(): Promise<void> {
    await primaryOnly(this.#parts.connection);
  }

  async highest({ sql, params, inPieces }: Subject): Promise<string | null> {
    const { connection, field } = this.#parts;
    const type = await columnType(connection, field, { sql, params, inPieces });
    if (type === null) {
      throw new Unbounded(
        "the id is inside of a column, where the database cannot compare it",
        "Select it as a column of its own.",
      );
    }
    const column = `subject.${connection.dialect.identifier(field.path?.[0] ?? "")}`;
    const compared = isNumber(type) ? column : `(${column})::text::numeric`;
    const [row] = await connection.query(
      `SELECT max(${compared})::text AS highest FROM (${sql}\n) AS subject`,
      params,
    );
    const highest = row?.highest ?? null;
    return highest === null ? null : readCursorValue("numeric_id", highest, isoFormat);
  }

  /**
   * Who may hold a lower id: where the table's own sequence is known, whoever has taken from it or has
   * written to the table, by their locks; else everybody with a transaction.
   */
  async holders(): Promise<Ask> {
    const { connection, field, table } = this.#parts;
    const relations = await relationsOf(connection, table);
    const sequences =
      relations === null ? [] : await sequencesOf(connection, relations, field.path?.[0] ?? "");
    return relations === null || sequences.length === 0
      ? () => openTransactions(connection)
      : () => holdersOf(connection, [...relations.oids, ...sequences]);
  }

  async now(): Promise<string> {
    const [row] = await this.#parts.connection.query("SELECT now() AS now");
    return readCursorValue("timestamp_utc", row?.now, isoFormat);
  }
}
