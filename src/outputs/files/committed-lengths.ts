import type { OffsetsFile } from "./offsets-file.ts";
import { lengthRow, nameRow, sealedRow } from "./offsets-tables.ts";
import { nothingSealed, type Sealed } from "./seal.ts";

/** Called under the lock with a file's committed length. */
export type Settle = (name: string, committed: Sealed) => void;

/** The committed length of each file, stored with the sink offsets. Files are named by `FilePlace.nameOf`. */
export class CommittedLengths {
  readonly #file: OffsetsFile;

  constructor(file: OffsetsFile) {
    this.#file = file;
  }

  /** The names of all files, in the order in which they were begun. */
  async names(): Promise<readonly string[]> {
    const rows = await this.#file.patiently(() =>
      this.#file.statements.all("SELECT name, length FROM files ORDER BY rowid"),
    );
    return rows.map((row) => this.#file.parse(nameRow.extend(lengthRow.shape), row).name);
  }

  /** The committed length of a file; null for an unknown file. */
  get(name: string): Sealed | null {
    const row = this.#file.statements.get("SELECT length, head, tail FROM files WHERE name = ?", name);
    return row === undefined ? null : this.#file.parse(sealedRow, row);
  }

  /** Under the lock. */
  set(name: string, { length, head, tail }: Sealed): void {
    this.#file.statements.run(
      `INSERT INTO files (name, length, head, tail) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
        length = excluded.length, head = excluded.head, tail = excluded.tail`,
      name,
      length,
      head,
      tail,
    );
  }

  /**
   * Under the lock: settles each file that a run has written to, since a stopped run may have left bytes in it. Skips
   * the file named `except`.
   */
  settleWritten(settle: Settle, except: string | null = null): void {
    const written = this.#file.statements.all(
      "SELECT DISTINCT file AS name FROM marks WHERE file IS NOT NULL",
    );
    for (const row of written) {
      const { name } = this.#file.parse(nameRow, row);
      if (name !== except) settle(name, this.get(name) ?? nothingSealed);
    }
  }

  /** Under the lock: sets the file that the runs of a scope write to from now on. */
  writtenBy(scope: string, name: string): void {
    this.#file.statements.run("UPDATE marks SET file = ? WHERE lane = ?", name, scope);
  }
}
