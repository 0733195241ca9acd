import type { StreamKey } from "../../../model/stream-key.ts";
import { listCut } from "../../audit.ts";
import { readAuditRecord } from "../../codec.ts";
import type { AuditRecord } from "../../contract.ts";
import type { ChainLink } from "../../hash-chain.ts";
import { textOf } from "./columns.ts";
import type { Queries } from "./queries.ts";
import type { Runner } from "./session.ts";

/** The list of the streams that were ever stored, and the ends of their audit logs. */
export class PostgresLogs {
  readonly #runner: Runner;
  readonly #queries: Queries;

  constructor(runner: Runner, queries: Queries) {
    this.#runner = runner;
    this.#queries = queries;
  }

  /** The last log row about the stream as a whole. */
  async last(key: StreamKey): Promise<AuditRecord | null> {
    const [row] = await this.#runner.run(this.#queries.lastAudit, { ...key });
    return row === undefined ? null : readAuditRecord(row, this.#runner.place);
  }

  /** The last log row of each of some partitions, by name. */
  async lastOfEach(key: StreamKey, partitions: readonly string[]): Promise<Map<string, AuditRecord>> {
    const rows = await this.#runner.run(this.#queries.lastAuditOfEach, { ...key, partitions });
    const records = rows.map((row) => readAuditRecord(row, this.#runner.place));
    return new Map(records.map((record) => [record.partition ?? "", record]));
  }

  /** Null where the list does not have the stream. */
  async archivedTo(key: StreamKey): Promise<ChainLink | null> {
    const [row] = await this.#runner.run(this.#queries.readLog, { ...key });
    if (row === undefined) return null;
    return { number: Number(row.archived_number), hash: textOf(row, "archived_hash", this.#runner.place) };
  }

  async add(key: StreamKey): Promise<void> {
    await this.#runner.run(this.#queries.addLog, { ...key });
  }

  /** Removes the rows up to one, whose number and hash are kept in their place; returns how many. */
  async archive(key: StreamKey, to: ChainLink): Promise<number> {
    const values = { ...key, archived_number: to.number, archived_hash: to.hash };
    const [row] = await this.#runner.run(this.#queries.archiveLog, values);
    return Number(row?.rows ?? 0);
  }

  /** Throws `AUDIT_BROKEN` where streams were removed from the list. */
  async assertUncut(): Promise<void> {
    const [row] = await this.#runner.run(this.#queries.countLogs, {});
    const [counted, listed] = [Number(row?.counted), Number(row?.listed)];
    if (counted !== listed) throw listCut(this.#runner.place, counted, listed);
  }

  /** The list by connector and stream, with whether each stream is stored. */
  async list(after: StreamKey | null, limit: number): Promise<{ key: StreamKey; isStored: boolean }[]> {
    const rows = await this.#runner.run(this.#queries.listLogs, {
      after_connector: after?.connector ?? "",
      after_stream: after?.stream ?? "",
      limit,
    });
    const { place } = this.#runner;
    return rows.map((row) => ({
      key: { connector: textOf(row, "connector", place), stream: textOf(row, "stream", place) },
      isStored: row.stored === "t",
    }));
  }
}
