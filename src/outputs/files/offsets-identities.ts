import type { Commit } from "../../engine/ports.ts";
import type { IdentityStorage } from "../offsets/port.ts";
import type { OffsetsFile } from "./offsets-file.ts";

const longestList = 1_000;

/**
 * Delivered identities of a file output. A commit stores them as one list, a JSON text in one row, which is fast. Only
 * when a run looks some of them up are they moved to a table with one row each.
 */
export class FileIdentities implements IdentityStorage {
  readonly #file: OffsetsFile;
  /**
   * Whether the run has looked up identities since the last commit. It will do so again, so this commit stores rows
   * directly.
   */
  #asked = false;

  constructor(file: OffsetsFile) {
    this.#file = file;
  }

  async any(scope: string): Promise<boolean> {
    const kept =
      "SELECT 1 FROM delivered WHERE lane = ?1 UNION ALL SELECT 1 FROM delivered_lists WHERE lane = ?1 LIMIT 1";
    return (await this.#file.patiently(() => this.#file.statements.get(kept, scope))) !== undefined;
  }

  async find(scope: string, identities: readonly string[]): Promise<readonly string[]> {
    this.#asked = true;
    const list = "SELECT 1 FROM delivered_lists WHERE lane = ? LIMIT 1";
    const areListed = await this.#file.patiently(() => this.#file.statements.get(list, scope));
    if (areListed !== undefined) await this.#file.locked(async () => this.#makeRows(scope));
    const known = "SELECT 1 FROM delivered WHERE lane = ? AND identity = ?";
    return this.#file.patiently(() =>
      identities.filter((identity) => this.#file.statements.get(known, scope, identity) !== undefined),
    );
  }

  async add(scope: string, identities: readonly string[]): Promise<void> {
    const list = JSON.stringify(identities);
    this.#file.statements.run("INSERT INTO delivered_lists (lane, identities) VALUES (?, ?)", scope, list);
    if (this.#asked) this.#makeRows(scope);
  }

  #makeRows(scope: string): void {
    this.#file.statements.run(
      `INSERT OR IGNORE INTO delivered (lane, identity)
        SELECT lane, value FROM delivered_lists, json_each(identities) WHERE lane = ?`,
      scope,
    );
    this.#file.statements.run("DELETE FROM delivered_lists WHERE lane = ?", scope);
  }

  async drop(scope: string, keep?: Commit["keepDelivered"]): Promise<void> {
    if (keep !== undefined) this.#makeRows(scope);
    this.#file.statements.run(
      "DELETE FROM delivered WHERE lane = ? AND NOT (identity >= ? AND identity < ?)",
      scope,
      keep?.from ?? "",
      keep?.below ?? "",
    );
    this.#file.statements.run("DELETE FROM delivered_lists WHERE lane = ?", scope);
  }

  async createWaiting(): Promise<void> {
    this.#file.database.exec(
      "CREATE TEMP TABLE IF NOT EXISTS waiting (identity TEXT PRIMARY KEY) WITHOUT ROWID",
    );
  }

  async addWaiting(identities: readonly string[]): Promise<void> {
    this.#file.statements.run(
      "INSERT OR IGNORE INTO temp.waiting (identity) SELECT value FROM json_each(?)",
      JSON.stringify(identities),
    );
  }

  async findWaiting(identities: readonly string[]): Promise<readonly string[]> {
    const known = "SELECT 1 FROM temp.waiting WHERE identity = ?";
    return identities.filter((identity) => this.#file.statements.get(known, identity) !== undefined);
  }

  async settleWaiting(scope: string, keep: boolean): Promise<void> {
    if (keep) {
      this.#file.statements.run(
        "INSERT OR IGNORE INTO delivered (lane, identity) SELECT ?, identity FROM temp.waiting",
        scope,
      );
    }
    this.#file.statements.run("DELETE FROM temp.waiting");
  }

  /** Called once a commit is durable. */
  committed(): void {
    this.#asked = false;
  }

  /** All identities of a scope, as JSON lists. */
  *lists(scope: string): Generator<string> {
    const identities = this.#file.database.prepare("SELECT identity FROM delivered WHERE lane = ?");
    let list: string[] = [];
    for (const { identity } of identities.iterate(scope)) {
      if (list.push(String(identity)) < longestList) continue;
      yield JSON.stringify(list);
      list = [];
    }
    if (list.length > 0) yield JSON.stringify(list);
    const lists = this.#file.database.prepare("SELECT identities FROM delivered_lists WHERE lane = ?");
    for (const { identities: given } of lists.iterate(scope)) yield String(given);
  }

  /** In a transaction: replaces the identities of a scope by these lists. */
  replace(scope: string, lists: Iterable<string>): void {
    this.#file.statements.run("DELETE FROM delivered WHERE lane = ?", scope);
    this.#file.statements.run("DELETE FROM delivered_lists WHERE lane = ?", scope);
    for (const list of lists) {
      this.#file.statements.run("INSERT INTO delivered_lists (lane, identities) VALUES (?, ?)", scope, list);
    }
  }
}
