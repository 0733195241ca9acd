import type { SqlConnection, SqlFragments } from "../../databases/port.ts";
import type { Commit } from "../../engine/ports.ts";
import type { IdentityStorage } from "./port.ts";
import { longestIdentity } from "./stored-identity.ts";

const keyColumns = ["connector", "stream", "lane"];

/** Delivered identities in a database table. A list of them is passed as one parameter, a JSON text. */
export class SqlIdentities implements IdentityStorage {
  readonly #connection: SqlConnection;
  readonly #sql: SqlFragments;
  /** The table, quoted. */
  readonly #table: string;
  readonly #keyOf: (scope: string) => readonly string[];
  readonly #waiting: string;

  /** `keyOf` gives the values of the columns connector, stream and lane. */
  constructor(connection: SqlConnection, table: string, keyOf: (scope: string) => readonly string[]) {
    this.#connection = connection;
    this.#sql = connection.dialect.fragments;
    this.#table = table;
    this.#keyOf = keyOf;
    this.#waiting = connection.dialect.identifier("_tidemark_spilled_identities");
  }

  async any(scope: string): Promise<boolean> {
    const rows = await this.#connection.query(
      this.#sql.limited(`SELECT 1 AS one FROM ${this.#table} WHERE ${this.#where()}`, 1),
      this.#keyOf(scope),
    );
    return rows.length > 0;
  }

  async find(scope: string, identities: readonly string[]): Promise<readonly string[]> {
    const rows = await this.#connection.query(
      `SELECT identity FROM ${this.#table} WHERE ${this.#where()} AND identity IN (SELECT v.value FROM ${this.#list(4)})`,
      [...this.#keyOf(scope), JSON.stringify(identities)],
    );
    return rows.map(({ identity }) => String(identity));
  }

  async add(scope: string, identities: readonly string[]): Promise<void> {
    await this.#connection.execute(
      this.#insertNew(`SELECT ${this.#keyValues()}, v.value FROM ${this.#list(4)}`),
      [...this.#keyOf(scope), JSON.stringify(identities)],
    );
  }

  async drop(scope: string, keep?: Commit["keepDelivered"]): Promise<void> {
    const at = (n: number) => this.#connection.dialect.placeholder(n);
    const name = this.#sql.byCodePoint("identity");
    const others = keep === undefined ? "" : ` AND NOT (${name} >= ${at(4)} AND ${name} < ${at(5)})`;
    const key = this.#keyOf(scope);
    await this.#connection.execute(
      `DELETE FROM ${this.#table} WHERE ${this.#where()}${others}`,
      keep === undefined ? key : [...key, keep.from, keep.below],
    );
  }

  async createWaiting(): Promise<void> {
    await this.#connection.execute(
      this.#sql.createTemporaryTable(
        this.#waiting,
        `value ${this.#connection.dialect.keyType(longestIdentity)} PRIMARY KEY`,
      ),
    );
  }

  async addWaiting(identities: readonly string[]): Promise<void> {
    await this.#connection.execute(
      this.#sql.insert({
        ...{ table: this.#waiting, columns: ["value"], key: ["value"], replaced: [] },
        rows: `SELECT v.value FROM ${this.#list(1)} WHERE 1 = 1`,
      }),
      [JSON.stringify(identities)],
    );
  }

  async findWaiting(identities: readonly string[]): Promise<readonly string[]> {
    const rows = await this.#connection.query(
      `SELECT s.value FROM ${this.#waiting} s WHERE s.value IN (SELECT v.value FROM ${this.#list(1)})`,
      [JSON.stringify(identities)],
    );
    return rows.map(({ value }) => String(value));
  }

  async settleWaiting(scope: string, keep: boolean): Promise<void> {
    if (keep) {
      await this.#connection.execute(
        this.#insertNew(`SELECT ${this.#keyValues()}, s.value FROM ${this.#waiting} s`),
        this.#keyOf(scope),
      );
    }
    await this.#connection.execute(this.#sql.dropTemporaryTable(this.#waiting));
  }

  /** Inserts the identities that are not there yet. */
  #insertNew(select: string): string {
    const columns = [...keyColumns, "identity"];
    return this.#sql.insert({
      ...{ table: this.#table, columns, key: columns, replaced: [] },
      rows: `${select} WHERE 1 = 1`,
    });
  }

  #where(): string {
    return keyColumns
      .map((name, at) => `${name} = ${this.#connection.dialect.placeholder(at + 1)}`)
      .join(" AND ");
  }

  #keyValues(): string {
    return [1, 2, 3].map((n) => this.#sql.text(this.#connection.dialect.placeholder(n))).join(", ");
  }

  #list(parameter: number): string {
    return this.#sql.list(this.#connection.dialect.placeholder(parameter));
  }
}
