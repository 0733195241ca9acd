import type { DatabaseSync } from "node:sqlite";
import type { Statements } from "../../databases/sqlite/statements.ts";
import type { Commit } from "../../engine/ports.ts";
import { storedIdentity } from "../stored-identity.ts";

const longestList = 1_000;

/**
 * The identities delivered in a window that is not finished, in a ledger. They are kept in lists, as they came, and
 * told apart once somebody asks for one.
 */
export class Deliveries {
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  /** Whether somebody has asked for deliveries since the last commit. */
  #asked = false;

  constructor(database: DatabaseSync, statements: Statements) {
    this.#database = database;
    this.#statements = statements;
  }

  /** Makes the tables that only this connection has; called once, before all else. */
  prepare(): void {
    this.#database.exec(`CREATE TEMP TABLE IF NOT EXISTS pending (identity TEXT PRIMARY KEY) WITHOUT ROWID;
      CREATE TEMP TABLE IF NOT EXISTS pending_lists (identities TEXT NOT NULL)`);
  }

  /** Keeps identities for the next commit; takes no lock. */
  add(identities: readonly string[]): void {
    const list = JSON.stringify(identities.map(storedIdentity));
    this.#statements.run("INSERT INTO temp.pending_lists (identities) VALUES (?)", list);
  }

  /** Whether any is known that a commit has not let go of. */
  any(lane: string): boolean {
    const kept =
      "SELECT 1 FROM delivered WHERE lane = ?1 UNION ALL SELECT 1 FROM delivered_lists WHERE lane = ?1 LIMIT 1";
    return this.#statements.get(kept, lane) !== undefined;
  }

  /** Whether `tellApart` has to be called, under the lock, before `among`. */
  areListed(lane: string): boolean {
    const isListed = "SELECT 1 FROM delivered_lists WHERE lane = ? LIMIT 1";
    return this.#statements.get(isListed, lane) !== undefined;
  }

  /** Of these identities, those delivered before. */
  among(lane: string, identities: readonly string[]): Set<string> {
    this.#tellPendingApart();
    this.#asked = true;
    const known =
      "SELECT 1 FROM delivered WHERE lane = ?1 AND identity = ?2 UNION ALL SELECT 1 FROM temp.pending WHERE identity = ?2";
    const found = new Set<string>();
    for (const identity of identities) {
      if (this.#statements.get(known, lane, storedIdentity(identity)) !== undefined) found.add(identity);
    }
    return found;
  }

  /** Puts what was listed into the table in which one identity can be found. */
  tellApart(lane: string): void {
    this.#tellPendingApart();
    this.#statements.run(
      `INSERT OR IGNORE INTO delivered (lane, identity)
        SELECT lane, value FROM delivered_lists, json_each(identities) WHERE lane = ?`,
      lane,
    );
    this.#statements.run("DELETE FROM delivered_lists WHERE lane = ?", lane);
  }

  #tellPendingApart(): void {
    this.#database.exec(`INSERT OR IGNORE INTO temp.pending (identity)
        SELECT value FROM temp.pending_lists, json_each(identities);
      DELETE FROM temp.pending_lists`);
  }

  /** Makes the pending ones part of a commit, and lets go of those that its window needs no longer. */
  keep(lane: string, { windowFinished, keepDelivered }: Commit): void {
    const isKept = !windowFinished || keepDelivered !== undefined;
    // Who has asked will ask again, and finds them told apart.
    if (isKept && (this.#asked || keepDelivered !== undefined)) this.tellApart(lane);
    if (isKept) {
      this.#statements.run(
        "INSERT OR IGNORE INTO delivered (lane, identity) SELECT ?, identity FROM temp.pending",
        lane,
      );
      this.#statements.run(
        "INSERT INTO delivered_lists (lane, identities) SELECT ?, identities FROM temp.pending_lists",
        lane,
      );
    }
    if (windowFinished) {
      this.#statements.run(
        "DELETE FROM delivered WHERE lane = ? AND NOT (identity >= ? AND identity < ?)",
        lane,
        keepDelivered?.from ?? "",
        keepDelivered?.below ?? "",
      );
      this.#statements.run("DELETE FROM delivered_lists WHERE lane = ?", lane);
    }
    this.#statements.run("DELETE FROM temp.pending");
    this.#statements.run("DELETE FROM temp.pending_lists");
  }

  /** Called once a commit is durable. */
  committed(): void {
    this.#asked = false;
  }

  /** All identities of a lane, as JSON lists. */
  *lists(lane: string): Generator<string> {
    const identities = this.#database.prepare("SELECT identity FROM delivered WHERE lane = ?");
    let list: string[] = [];
    for (const { identity } of identities.iterate(lane)) {
      if (list.push(String(identity)) < longestList) continue;
      yield JSON.stringify(list);
      list = [];
    }
    if (list.length > 0) yield JSON.stringify(list);
    const lists = this.#database.prepare("SELECT identities FROM delivered_lists WHERE lane = ?");
    for (const { identities: given } of lists.iterate(lane)) yield String(given);
  }

  /** Puts what another ledger knows of a lane in the place of what this one knows. */
  replace(lane: string, lists: Iterable<string>): void {
    this.#statements.run("DELETE FROM delivered WHERE lane = ?", lane);
    this.#statements.run("DELETE FROM delivered_lists WHERE lane = ?", lane);
    for (const list of lists) {
      this.#statements.run("INSERT INTO delivered_lists (lane, identities) VALUES (?, ?)", lane, list);
    }
  }
}
