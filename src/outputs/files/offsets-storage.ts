import { partitionScope } from "../../model/scope.ts";
import type { CommitRow, OffsetsStorage, StoredOffsets } from "../offsets/port.ts";
import type { OffsetsFile } from "./offsets-file.ts";
import { FileIdentities } from "./offsets-identities.ts";
import { type OffsetsRow, offsetsRow } from "./offsets-tables.ts";

/**
 * Sink offsets of a file output, one row per scope. The scope is in the column `lane`, the name that the first version
 * used.
 */
export class FileOffsetsStorage implements OffsetsStorage {
  readonly name: string;
  readonly identities: FileIdentities;
  readonly #file: OffsetsFile;

  constructor(file: OffsetsFile) {
    this.name = file.path;
    this.#file = file;
    this.identities = new FileIdentities(file);
  }

  async read(scope: string): Promise<StoredOffsets | null> {
    const row = await this.#file.patiently(() =>
      this.#file.statements.get("SELECT * FROM marks WHERE lane = ?", scope),
    );
    return row === undefined ? null : storedOffsets(this.#file.parse(offsetsRow, row));
  }

  async raiseFence(scope: string, epoch: number): Promise<boolean> {
    const changed = this.#file.statements.change(
      `INSERT INTO marks (lane, claimed_epoch) VALUES (?, ?) ON CONFLICT (lane) DO UPDATE SET
        claimed_epoch = excluded.claimed_epoch WHERE claimed_epoch < excluded.claimed_epoch`,
      scope,
      epoch,
    );
    return changed === 1;
  }

  async commit(scope: string, row: CommitRow): Promise<boolean> {
    const changed = this.#file.statements.change(
      `UPDATE marks SET epoch = ?1, sequence = ?2, cursor_type = ?3, position = ?4
        WHERE lane = ?5 AND claimed_epoch = ?1`,
      row.epoch,
      row.sequence,
      row.cursorType,
      row.position,
      scope,
    );
    return changed === 1;
  }

  async commitPartition(scope: string, { epoch, sequence, cursorType, position }: CommitRow): Promise<void> {
    this.#put({ lane: scope, claimed_epoch: epoch, epoch, sequence, cursor_type: cursorType, position });
  }

  #put(row: OffsetsRow): void {
    this.#file.statements.run(
      `INSERT INTO marks (lane, claimed_epoch, epoch, sequence, cursor_type, position)
        VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (lane) DO UPDATE SET
        claimed_epoch = max(claimed_epoch, excluded.claimed_epoch), epoch = excluded.epoch,
        sequence = excluded.sequence, cursor_type = excluded.cursor_type, position = excluded.position`,
      row.lane,
      row.claimed_epoch,
      row.epoch,
      row.sequence,
      row.cursor_type,
      row.position,
    );
  }

  /**
   * In a transaction: takes over the offsets of a scope and its partitions from another place, where they are newer.
   */
  async adopt(scope: string, previous: FileOffsetsStorage): Promise<void> {
    const before = (await previous.read(scope))?.committed ?? null;
    const own = (await this.read(scope))?.committed ?? null;
    if (before === null || (own !== null && !isNewer(before, own))) return;
    for (const row of await previous.#under(scope)) this.#put(row);
    this.identities.replace(scope, previous.identities.lists(scope));
  }

  /** The rows of a scope and its partitions. */
  async #under(scope: string): Promise<readonly OffsetsRow[]> {
    const rows = await this.#file.patiently(() =>
      this.#file.statements.all(
        "SELECT * FROM marks WHERE lane = ?1 OR substr(lane, 1, length(?2)) = ?2",
        scope,
        partitionScope(scope, ""),
      ),
    );
    return rows.map((row) => this.#file.parse(offsetsRow, row));
  }
}

function storedOffsets({ claimed_epoch: fence, epoch, sequence, position }: OffsetsRow): StoredOffsets {
  if (epoch === null || sequence === null || position === null) return { fence, committed: null };
  return { fence, committed: { epoch, sequence, position } };
}

type Numbers = Pick<CommitRow, "epoch" | "sequence">;

function isNewer(a: Numbers, b: Numbers): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.sequence > b.sequence);
}
