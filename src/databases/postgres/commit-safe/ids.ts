import { TidemarkError } from "../../../errors.ts";
import { readCursorValue } from "../../../model/cursor.ts";
import { formatPath, valueAt } from "../../../model/record.ts";
import { isoFormat } from "../../../model/timestamp.ts";
import { showValue } from "../../../model/unreadable-value.ts";
import type { Ask, IdSource } from "../../commit-safe/id-source.ts";
import type { BoundParts, Subject } from "../../port.ts";
import { Unbounded } from "../../unbounded.ts";
import { relationsOf, sequencesOf } from "../relations.ts";
import type { PostgresSession } from "../session.ts";
import { columnType, isNumber } from "./column.ts";
import { holdersOf, openTransactions } from "./id-holders.ts";
import { primaryOnly } from "./standby.ts";

/** What PostgreSQL sorts above every number. */
const notFinite = /^(?:NaN|Infinity)$/;

/** Ids in PostgreSQL, and who may hold them, by the locks on sequences and tables. */
export class PostgresIds implements IdSource {
  readonly #parts: BoundParts;
  readonly #session: PostgresSession;

  constructor(session: PostgresSession, parts: BoundParts) {
    this.#session = session;
    this.#parts = parts;
  }

  async check(): Promise<void> {
    await primaryOnly(this.#parts.connection);
  }

  async highest({ sql, params, inPieces }: Subject): Promise<string | null> {
    const { connection, field } = this.#parts;
    const type = await columnType(this.#session, field, { sql, params, inPieces });
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
    if (highest === null) return null;
    // Such a row lies above every possible bound, and would never be read.
    if (notFinite.test(String(highest))) throw await this.#noId({ sql, params }, `${compared}::text`);
    return readCursorValue("numeric_id", highest, isoFormat);
  }

  /** The error that names the record whose id is NaN or infinity. */
  async #noId({ sql, params }: Pick<Subject, "sql" | "params">, text: string): Promise<TidemarkError> {
    const { connection, field, describe } = this.#parts;
    const [record = {}] = await connection.query(
      `SELECT subject.* FROM (${sql}\n) AS subject WHERE ${text} ~ '^(?:NaN|Infinity)$' LIMIT 1`,
      params,
    );
    const path = formatPath(field.path ?? []);
    return new TidemarkError(
      "CURSOR_INVALID",
      `${describe(record)}, field ${path}: ${showValue(valueAt(record, field.path ?? []))} is no id that can be compared`,
      {
        hint: "Correct the row, or leave such rows out with `where`, or in the query.",
        details: { field: path },
      },
    );
  }

  /**
   * The transactions that may hold a lower id: if the table's sequence is known, those that have used it or have
   * written to the table, by their locks; otherwise all transactions.
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
