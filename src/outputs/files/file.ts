import { closeSync, fsync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import type {
  Batch,
  Commit,
  CommitPosition,
  Output,
  OutputContext,
  OutputReader,
  OutputSession,
} from "../../engine/ports.ts";
import { failOnRefusal } from "../../engine/refusals/refusals.ts";
import { isTidemarkError, TidemarkError } from "../../errors.ts";
import { makeFolder } from "../../folders.ts";
import { onErrorOf } from "../dead-letters/schema.ts";
import {
  cutBack,
  endsInsideLine,
  foundAt,
  lineStart,
  openAt,
  type SetAside,
  settleFile,
  sizeOf,
} from "./committed-file.ts";
import { createOffsetsFile } from "./create-offsets.ts";
import { fileFailure } from "./failure.ts";
import { FileOffsets } from "./file-offsets.ts";
import { type LineFormat, lineFormat } from "./line-format.ts";
import { type FilePlace, filePlace } from "./path-template.ts";
import type { FileOutputConfig } from "./schema.ts";
import { type Sealed, tailOf } from "./seal.ts";
import { Staging, writeAll } from "./staging.ts";

/**
 * Appends records to a file as JSON lines or CSV, each exactly once on one machine. The length committed is kept in
 * `<path>.tidemark` next to the file; bytes after it are moved aside by the next run. An existing file is kept and
 * appended to. Nothing else may write to it while Tidemark does: a detected change inside the committed length fails
 * with `OUTPUT_LOST`.
 *
 * A path with a placeholder (`orders-{{ date }}.csv`) is a series: a run writes to the file of the time at which it
 * begins, and all of them share their sink offsets. A stream whose `path` was changed continues at the new place: older
 * runs are fenced at the old one, and its offsets are taken over.
 */
export function createFileOutput(config: FileOutputConfig): Output {
  const file = { id: `file:${resolve(config.path)}`, name: `the file ${config.path}` };
  return {
    kind: "file",
    guarantee: "exactly-once",
    appends: true,
    target: file,
    exclusive: file,
    onError: onErrorOf(config),
    open: async (context) =>
      new FileSession(filePlace(config.path, config.timezone), context, lineFormat(config)),
    ...(config.format === "csv" ? {} : { openReader: () => readerOf(filePlace(config.path)) }),
  };
}

const flushed = promisify(fsync);

async function readerOf(place: FilePlace): Promise<OutputReader> {
  const { openFileReader } = await import("./file-reader.ts");
  return openFileReader(place);
}

class FileSession implements OutputSession {
  readonly databaseIdentity = null;
  readonly settlesRefusals = true;
  readonly place: string;
  /** The file that this run writes to. */
  readonly #path: string;
  readonly #place: FilePlace;
  readonly #context: OutputContext;
  readonly #staging: Staging;
  readonly #format: LineFormat;
  #offsets: FileOffsets | null = null;

  constructor(place: FilePlace, context: OutputContext, format: LineFormat) {
    this.#place = place;
    this.place = place.text;
    this.#path = place.fileAt(context.clock.now());
    this.#context = context;
    this.#format = format;
    this.#staging = new Staging(`${this.#path}.${process.pid}.uncommitted`);
  }

  async fencedEpoch(): Promise<number> {
    return (await this.#openOffsets())?.sink.fencedEpoch() ?? 0;
  }

  async holdsRecords(): Promise<boolean> {
    const known = (await (await this.#openOffsets())?.names()) ?? [];
    const files = [this.#path, ...known.map((name) => this.#place.fileOf(name))];
    return files.some((file) => sizeOf(file) > 0);
  }

  async #openOffsets(): Promise<FileOffsets | null> {
    this.#offsets ??= await FileOffsets.open(offsetsPath(this.#place), this.#context);
    return this.#offsets;
  }

  async fence(
    epoch: number,
    _runId?: string,
    lastPlace: string | null = null,
  ): Promise<CommitPosition | null> {
    const { key } = this.#context;
    await this.#assertOwnFile();
    if ((await this.#openOffsets()) === null) {
      this.#explaining(() => {
        makeFolder(dirname(this.#path));
        makeFolder(dirname(this.#place.offsetsFolder));
        createOffsetsFile(offsetsPath(this.#place), key);
      });
    }
    const offsets = await this.#opened();
    const previous = await this.#leave(lastPlace, epoch);
    try {
      return await offsets.fence(key, epoch, {
        name: this.#place.nameOf(this.#path),
        begins: () => this.#found(),
        settle: (name, committed) => this.#settle(this.#place.fileOf(name), committed),
        previous,
      });
    } finally {
      previous?.close();
    }
  }

  /** The content of the file before the stream wrote to it. */
  #found(): Sealed {
    return this.#explaining(() => {
      const found = foundAt(this.#path);
      if (endsInsideLine(this.#path, found.length)) {
        this.#context.warn(
          "LINE_UNENDED",
          `the last line of ${this.#path} has no line break; it is kept, and the next line begins behind it. If a cut or a killed program left half a line there, remove it`,
        );
      }
      return found;
    });
  }

  /** Fences older runs at the place that the stream wrote to before; null where it no longer has offsets. */
  async #leave(lastPlace: string | null, epoch: number): Promise<FileOffsets | null> {
    if (lastPlace === null || lastPlace === this.place) return null;
    const place = filePlace(lastPlace);
    if (place.offsetsFolder === this.#place.offsetsFolder) return null;
    const offsets = await FileOffsets.open(offsetsPath(place), this.#context);
    if (offsets === null) return null;
    try {
      if (await offsets.isOf(this.#context.key)) {
        await offsets.leave(epoch, (name, committed) => this.#settleLeft(place.fileOf(name), committed));
        return offsets;
      }
    } catch (error) {
      offsets.close();
      throw error;
    }
    offsets.close();
    return null;
  }

  /** A file of a series may be the single file of another stream. */
  async #assertOwnFile(): Promise<void> {
    const single = filePlace(this.#path);
    if (single.offsetsFolder === this.#place.offsetsFolder) return;
    const offsets = await FileOffsets.open(offsetsPath(single), this.#context);
    try {
      await offsets?.assertOwner(this.#context.key);
    } finally {
      offsets?.close();
    }
  }

  #settle(file: string, committed: Sealed): void {
    if (file !== this.#path) this.#settleLeft(file, committed);
    else {
      this.#explaining(() => {
        makeFolder(dirname(file));
        settleFile(file, committed, this.#onAside);
        this.#format.settle(file, committed.length);
      });
    }
  }

  /** A file that this run does not write to may have been moved, compressed or edited since. */
  #settleLeft(file: string, committed: Sealed): void {
    if (sizeOf(file) < committed.length) return;
    try {
      this.#explaining(() => closeSync(openAt(file, committed, this.#onAside)));
    } catch (error) {
      if (!isTidemarkError(error, "OUTPUT_LOST")) throw error;
      this.#context.warn("FILE_CHANGED", `${error.message}; the run writes to ${this.#path}`);
    }
  }

  readonly #onAside = ({ file, bytes, lines, keptIn }: SetAside): void => {
    this.#context.warn(
      "LINES_SET_ASIDE",
      `${file} held ${bytes} bytes (${lines === 1 ? "1 line" : `${lines} lines`}) behind what was committed to it; they are in ${keptIn} now. A run that was killed while it wrote leaves such lines, and their records come again. If another program wrote them, let it write to a file of its own.`,
    );
  };

  async #opened(): Promise<FileOffsets> {
    const offsets = await this.#openOffsets();
    if (offsets !== null) return offsets;
    throw new TidemarkError(
      "OUTPUT_LOST",
      `${offsetsPath(this.#place)} is gone; it keeps what is committed to the file`,
    );
  }

  async partition(partition: string): Promise<CommitPosition | null> {
    return (await this.#opened()).sink.partition(partition);
  }

  async keepsDelivered(): Promise<boolean> {
    return (await this.#opened()).sink.keepsDelivered();
  }

  async delivered(identities: readonly string[]): Promise<ReadonlySet<string>> {
    return (await this.#opened()).sink.delivered(identities);
  }

  async write(batch: Batch): Promise<number> {
    if (batch.deliveries !== undefined) await (await this.#opened()).sink.deliver(batch.deliveries);
    const { lines, written } = this.#format.lines(batch.records, this.#context.refusals ?? failOnRefusal);
    this.#explaining(() => this.#staging.append(lines));
    return written;
  }

  async commit(commit: Commit): Promise<void> {
    const offsets = await this.#opened();
    await offsets.commit(commit, this.#place.nameOf(this.#path), (committed) => {
      this.#context.refusals?.settle();
      return this.#append(committed);
    });
    this.#staging.clear();
  }

  /** Writes the staged lines after the committed length, durably, and returns the new committed length. */
  async #append(committed: Sealed): Promise<Sealed> {
    if (this.#staging.length === 0) return committed;
    const { length, head } = committed;
    const file = this.#explaining(() => openAt(this.#path, committed, this.#onAside));
    try {
      const header = Buffer.from(this.#format.head(this.#path, length));
      const from = lineStart(file, length, this.#format.lineEnd) + writeAll(file, header, length);
      await this.#staging.copyTo(file, from);
      // The next page can arrive meanwhile.
      await flushed(file);
      const end = from + this.#staging.length;
      return { length: end, head: head ?? this.#format.beginning(this.#path, end), tail: tailOf(file, end) };
    } catch (error) {
      cutBack(file, length);
      throw this.#explained(error);
    } finally {
      closeSync(file);
    }
  }

  async close(): Promise<void> {
    this.#staging.clear();
    this.#offsets?.close();
    this.#offsets = null;
  }

  #explaining<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): TidemarkError {
    if (isTidemarkError(error)) return error;
    return fileFailure(this.#path, error);
  }
}

function offsetsPath({ offsetsFolder }: FilePlace): string {
  return join(offsetsFolder, "ledger.db");
}
