import type { Commit, CommitPosition, OutputContext } from "../../engine/ports.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import { SinkOffsets } from "../offsets/sink-offsets.ts";
import { CommittedLengths, type Settle } from "./committed-lengths.ts";
import { OffsetsFile } from "./offsets-file.ts";
import { FileOffsetsStorage } from "./offsets-storage.ts";
import { nothingSealed, type Sealed } from "./seal.ts";

type Context = Pick<OutputContext, "key" | "scope" | "clock">;

/** What `fence` needs to know about the files. */
export interface FencedFiles {
  /** The name of the file that the run will write to. */
  readonly name: string;
  /** Returns the committed length of that file, where it is not stored yet. */
  readonly begins: () => Sealed;
  /** Truncates a file that a run may have left in the middle of a write. */
  readonly settle: Settle;
  /** The offsets of the place that the stream has written to before, left under the same epoch. */
  readonly previous: FileOffsets | null;
}

/** The sink offsets of a session that writes to files, with the committed lengths: both change under one lock. */
export class FileOffsets {
  readonly sink: SinkOffsets;
  readonly #file: OffsetsFile;
  readonly #storage: FileOffsetsStorage;
  readonly #lengths: CommittedLengths;
  readonly #scope: string;

  private constructor(file: OffsetsFile, { key, scope }: Context) {
    this.#file = file;
    this.#scope = scope;
    this.#storage = new FileOffsetsStorage(file);
    this.#lengths = new CommittedLengths(file);
    this.sink = new SinkOffsets({ storage: this.#storage, key, scope, place: file.path });
  }

  /** Null where no run has made the file yet. Throws `STATE_UNREADABLE`, `STATE_TOO_NEW`. */
  static async open(path: string, context: Context): Promise<FileOffsets | null> {
    const file = await OffsetsFile.open(path, context.clock);
    return file === null ? null : new FileOffsets(file, context);
  }

  isOf(key: StreamKey): Promise<boolean> {
    return this.#file.isOf(key);
  }

  /** Throws `CONFIG_INCOHERENT` where it belongs to another stream. */
  assertOwner(key: StreamKey): Promise<void> {
    return this.#file.assertOwner(key);
  }

  /** The names of all files that were ever written to. */
  names(): Promise<readonly string[]> {
    return this.#lengths.names();
  }

  /** Fences older runs and prepares the files for this one. Returns the last commit. */
  async fence(key: StreamKey, epoch: number, files: FencedFiles): Promise<CommitPosition | null> {
    const { name, begins, settle, previous } = files;
    await this.#file.locked(async () => {
      await this.#file.assertOwner(key);
      await this.sink.fence(epoch);
      const committed = this.#lengths.get(name) ?? begins();
      this.#lengths.set(name, committed);
      this.#lengths.settleWritten(settle, name);
      settle(name, committed);
      this.#lengths.writtenBy(this.#scope, name);
      if (previous !== null) await this.#storage.adopt(this.#scope, previous.#storage);
    });
    return this.sink.start(epoch);
  }

  /** Fences older runs at a place that the stream no longer writes to. */
  async leave(epoch: number, settle: Settle): Promise<void> {
    await this.#file.locked(async () => {
      await this.sink.fence(epoch);
      this.#lengths.settleWritten(settle);
    });
  }

  /**
   * One commit: under the lock `append` receives the file's committed length and returns the new one, which must be
   * durable. Throws `RUN_SUPERSEDED` before anything is written.
   */
  async commit(commit: Commit, name: string, append: (committed: Sealed) => Promise<Sealed>): Promise<void> {
    await this.#file.locked(async () => {
      await this.sink.advance(commit, undefined);
      this.#lengths.set(name, await append(this.#lengths.get(name) ?? nothingSealed));
      await this.sink.settle(commit);
    });
    this.sink.committed(commit);
    this.#storage.identities.committed();
  }

  close(): void {
    this.#file.close();
  }
}
