import { setTimeout as delay } from "node:timers/promises";
import { readCursorValue } from "../../../model/cursor.ts";
import { isoFormat } from "../../../model/timestamp.ts";
import type { Ask, IdSource } from "../../commit-safe/id-source.ts";
import type { BoundParts, SqlRow, Subject } from "../../port.ts";
import { Unbounded } from "../../unbounded.ts";
import { checkMysql, mysqlNow, openMysqlTransactions } from "./sessions.ts";

/** The server refreshes its list of transactions if it was not read for 100 milliseconds. */
const renewedMs = 120;

const numbers = new Set(["integer", "decimal", "float"]);

/** Ids in MySQL from `AUTO_INCREMENT`; any open transaction may hold a lower one. */
export class MysqlIds implements IdSource {
  readonly #parts: BoundParts;

  constructor(parts: BoundParts) {
    this.#parts = parts;
  }

  async check(): Promise<void> {
    await checkMysql(this.#parts.connection);
  }

  async highest({ sql, params }: Subject): Promise<string | null> {
    const { connection, field } = this.#parts;
    const [name, ...further] = field.path ?? [];
    if (name === undefined || further.length > 0) {
      throw new Unbounded(
        "the id is inside of a column, where the database cannot compare it",
        "Select it as a column of its own.",
      );
    }
    const [type] = await connection.parameterTypes(sql, [name]);
    const column = `subject.${connection.dialect.identifier(name)}`;
    const compared = numbers.has(type ?? "") ? column : `CAST(${column} AS DECIMAL(65,0))`;
    const [row] =
      type === "float"
        ? await this.#highestFloat(column, { sql, params })
        : await connection.query(`SELECT MAX(${compared}) AS highest FROM (${sql}\n) AS subject`, params);
    const highest = row?.highest ?? null;
    return highest === null ? null : readCursorValue("numeric_id", highest, isoFormat);
  }

  /** As records give it: an expression over a FLOAT is written with six digits, or with more than it has. */
  async #highestFloat(column: string, { sql, params }: Pick<Subject, "sql" | "params">): Promise<SqlRow[]> {
    const ordered = `SELECT ${column} AS highest FROM (${sql}\n) AS subject WHERE ${column} IS NOT NULL ORDER BY ${column} DESC LIMIT 1`;
    const found: SqlRow[] = [];
    for await (const { rows } of this.#parts.connection.stream(ordered, params, { pageSize: 1 })) {
      found.push(...rows);
    }
    return found;
  }

  async holders(): Promise<Ask> {
    const { connection } = this.#parts;
    return async () => {
      await delay(renewedMs);
      return (await openMysqlTransactions(connection)).open;
    };
  }

  now(): Promise<string> {
    return mysqlNow(this.#parts.connection);
  }
}
