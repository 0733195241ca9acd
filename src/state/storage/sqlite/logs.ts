import type { SqlStatements } from "../../../databases/sqlite/statements.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { listCut } from "../../audit.ts";
import { readAuditRecord } from "../../codec.ts";
import type { AuditRecord } from "../../contract.ts";
import { type ChainLink, noLink } from "../../hash-chain.ts";

/** The list of the streams that were ever stored, and from where on each one's audit log is kept here. */
export class SqliteLogs {
  readonly #sql: SqlStatements;
  readonly #holder: string;

  constructor(statements: SqlStatements, holder: string) {
    this.#sql = statements;
    this.#holder = holder;
  }

  has({ connector, stream }: StreamKey): boolean {
    const sql = "SELECT 1 FROM tidemark_logs WHERE connector = ? AND stream = ?";
    return this.#sql.get(sql, connector, stream) !== undefined;
  }

  /** Numbered by the count next to the schema's version, so that a stream removed from the list leaves a gap. */
  add({ connector, stream }: StreamKey): void {
    this.#sql.run("UPDATE tidemark_schema SET logs = logs + 1");
    this.#sql.run(
      `INSERT INTO tidemark_logs (number, connector, stream, archived_number, archived_hash)
       SELECT logs, ?, ?, 0, '' FROM tidemark_schema`,
      connector,
      stream,
    );
  }

  /** Throws `AUDIT_BROKEN` where streams were removed from the list. */
  list(after: StreamKey | null, limit: number): StreamKey[] {
    if (after === null) this.#assertUncut();
    return this.#sql
      .all(
        `SELECT connector, stream FROM tidemark_logs WHERE (connector, stream) > (?, ?)
         ORDER BY connector, stream LIMIT ?`,
        after?.connector ?? "",
        after?.stream ?? "",
        limit,
      )
      .map(({ connector, stream }) => ({ connector: String(connector), stream: String(stream) }));
  }

  #assertUncut(): void {
    const [counted] = this.#sql.all(
      `SELECT logs, (SELECT count(*) FROM tidemark_logs WHERE number BETWEEN 1 AND logs) AS listed,
         (SELECT count(*) FROM tidemark_logs) AS stored FROM tidemark_schema`,
    );
    const count = Number(counted?.logs);
    if (Number(counted?.listed) !== count || Number(counted?.stored) !== count) {
      throw listCut(this.#holder, count, Number(counted?.listed));
    }
  }

  last({ connector, stream }: StreamKey, partition: string | null): AuditRecord | null {
    const raw =
      partition === null
        ? this.#sql.get(
            `SELECT * FROM tidemark_audit WHERE connector = ? AND stream = ? AND partition IS NULL
               AND action <> 'stop' ORDER BY number DESC LIMIT 1`,
            connector,
            stream,
          )
        : this.#sql.get(
            // Left to itself, SQLite goes through the stream's whole log by the primary key.
            `SELECT * FROM tidemark_audit INDEXED BY tidemark_audit_by_partition
             WHERE connector = ? AND stream = ? AND partition = ? ORDER BY number DESC LIMIT 1`,
            connector,
            stream,
            partition,
          );
    return raw === undefined ? null : readAuditRecord(raw, this.#holder);
  }

  archivedTo({ connector, stream }: StreamKey): ChainLink {
    const raw = this.#sql.get(
      "SELECT archived_number AS number, archived_hash AS hash FROM tidemark_logs WHERE connector = ? AND stream = ?",
      connector,
      stream,
    );
    return raw === undefined ? noLink : { number: Number(raw.number), hash: String(raw.hash) };
  }

  archive({ connector, stream }: StreamKey, { number, hash }: ChainLink): number {
    this.#sql.run(
      "UPDATE tidemark_logs SET archived_number = ?, archived_hash = ? WHERE connector = ? AND stream = ?",
      number,
      hash,
      connector,
      stream,
    );
    return this.#sql.change(
      "DELETE FROM tidemark_audit WHERE connector = ? AND stream = ? AND number <= ?",
      connector,
      stream,
      number,
    );
  }
}
