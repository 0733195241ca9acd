import {
  closeSync,
  existsSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import type {
  Batch,
  Commit,
  Mark,
  Output,
  OutputContext,
  OutputReader,
  OutputSession,
} from "../../engine/ports.ts";
import { failOnRefusal } from "../../engine/refusals.ts";
import { isTidemarkError, messageOf, TidemarkError } from "../../errors.ts";
import { onErrorOf } from "../on-error/schema.ts";
import { Ledger } from "./ledger.ts";
import { type LineFormat, lineFormat } from "./line-format.ts";
import type { FileOutputConfig } from "./schema.ts";
import { Staging, writeAll } from "./staging.ts";
import { syncFolder } from "./sync-folder.ts";

/**
 * Appends records to a file as JSON lines or CSV, each exactly once on one machine. The length committed
 * is kept in `<path>.tidemark` beside the file; what a crash left behind it is cut off by the
 * next run. A file that was there before is kept and added to. Nothing else may write to it while
 * Tidemark does: what stands behind the committed length is taken for a crash's remains.
 */
export function createFileOutput(config: FileOutputConfig): Output {
  return {
    kind: "file",
    guarantee: "exactly-once",
    appends: true,
    onError: onErrorOf(config),
    open: async (context) => new FileSession(resolve(config.path), context, lineFormat(config)),
    ...(config.format === "csv" ? {} : { openReader: () => readerOf(resolve(config.path)) }),
  };
}

const flushed = promisify(fsync);

async function readerOf(path: string): Promise<OutputReader> {
  const { openFileReader } = await import("./file-reader.ts");
  return openFileReader(path, (file) => join(ledgerFolder(file), "ledger.db"));
}

class FileSession implements OutputSession {
  readonly databaseIdentity = null;
  readonly settlesRefusals = true;
  readonly #path: string;
  readonly #ledgerPath: string;
  readonly #context: OutputContext;
  readonly #staging: Staging;
  readonly #format: LineFormat;
  #ledger: Ledger | null = null;

  constructor(path: string, context: OutputContext, format: LineFormat) {
    // One file under two names, through a link, must have one ledger.
    this.#path = existsSync(path) ? realpathSync(path) : path;
    this.#ledgerPath = join(ledgerFolder(this.#path), "ledger.db");
    this.#context = context;
    this.#format = format;
    this.#staging = new Staging(`${this.#path}.${process.pid}.uncommitted`);
  }

  async claimedEpoch(): Promise<number> {
    const ledger = await this.#openLedger();
    return ledger === null ? 0 : ledger.claimedEpoch(this.#context.lane);
  }

  async holdsRecords(): Promise<boolean> {
    return existsSync(this.#path) && statSync(this.#path).size > 0;
  }

  async #openLedger(): Promise<Ledger | null> {
    this.#ledger ??= await Ledger.open(this.#ledgerPath, this.#context.clock);
    return this.#ledger;
  }

  async claim(epoch: number): Promise<Mark | null> {
    const { key, lane } = this.#context;
    if ((await this.#openLedger()) === null) {
      this.#tell(() => {
        mkdirSync(dirname(this.#path), { recursive: true });
        Ledger.create(this.#ledgerPath, key, existsSync(this.#path) ? statSync(this.#path).size : 0);
      });
    }
    const ledger = await this.#claimed();
    return ledger.claim(key, lane, epoch, (length) =>
      this.#tell(() => {
        settleFile(this.#path, length);
        this.#format.settle(this.#path, length);
      }),
    );
  }

  async #claimed(): Promise<Ledger> {
    const ledger = await this.#openLedger();
    if (ledger !== null) return ledger;
    throw new TidemarkError(
      "OUTPUT_LOST",
      `${this.#ledgerPath} is gone; it keeps what is committed to the file`,
    );
  }

  async partition(partition: string): Promise<Mark | null> {
    const ledger = await this.#claimed();
    return ledger.partition(this.#context.lane, partition);
  }

  async keepsDelivered(): Promise<boolean> {
    const ledger = await this.#claimed();
    return ledger.keepsDelivered(this.#context.lane);
  }

  async delivered(identities: readonly string[]): Promise<ReadonlySet<string>> {
    const ledger = await this.#claimed();
    return ledger.delivered(this.#context.lane, identities);
  }

  async write(batch: Batch): Promise<number> {
    if (batch.deliveries !== undefined) (await this.#claimed()).deliver(batch.deliveries);
    const { lines, written } = this.#format.lines(batch.records, this.#context.refusals ?? failOnRefusal);
    this.#tell(() => this.#staging.append(lines));
    return written;
  }

  async commit(commit: Commit): Promise<void> {
    const ledger = await this.#claimed();
    await ledger.commit(this.#context.lane, commit, (length) => {
      this.#context.refusals?.settle();
      return this.#append(length);
    });
    this.#staging.clear();
  }

  /** Puts what is staged behind the committed length, durably, and returns the new length. */
  async #append(length: number): Promise<number> {
    if (this.#staging.length === 0) return length;
    const file = this.#tell(() => openAt(this.#path, length));
    try {
      const head = Buffer.from(this.#format.head(this.#path, length));
      const from = lineStart(file, length) + writeAll(file, head, length);
      await this.#staging.copyTo(file, from);
      // The next page can come in meanwhile.
      await flushed(file);
      return from + this.#staging.length;
    } catch (error) {
      cutBack(file, length);
      throw this.#told(error);
    } finally {
      closeSync(file);
    }
  }

  async close(): Promise<void> {
    this.#staging.clear();
    this.#ledger?.close();
    this.#ledger = null;
  }

  #tell<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw this.#told(error);
    }
  }

  #told(error: unknown): TidemarkError {
    if (isTidemarkError(error)) return error;
    return new TidemarkError("OUTPUT_FAILED", `${this.#path}: ${messageOf(error)}`, { cause: error });
  }
}

function ledgerFolder(path: string): string {
  return `${path}.tidemark`;
}

/** Makes the file, or cuts off what was never committed. */
function settleFile(path: string, length: number): void {
  const isNew = !existsSync(path);
  if (isNew && length === 0) closeSync(openSync(path, "a"));
  const file = openAt(path, length);
  fsyncSync(file);
  closeSync(file);
  if (isNew) syncFolder(dirname(path));
}

/** The file opened for writing, cut to its committed length. Throws `OUTPUT_LOST` where it is shorter. */
function openAt(path: string, length: number): number {
  if (!existsSync(path)) throw lost(path, "is gone", length);
  const file = openSync(path, "r+");
  const size = fstatSync(file).size;
  if (size < length) {
    closeSync(file);
    throw lost(path, `holds ${size} bytes`, length);
  }
  if (size > length) ftruncateSync(file, length);
  return file;
}

function lost(path: string, found: string, length: number): TidemarkError {
  return new TidemarkError("OUTPUT_LOST", `${path} ${found}, but ${length} bytes were committed to it`, {
    hint: `Put the file back as it was. To begin a new one, move ${ledgerFolder(path)} away too and run with --full-refresh.`,
  });
}

/** A file that somebody else began may lack its last line's end. */
function lineStart(file: number, length: number): number {
  if (length === 0) return 0;
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, length - 1);
  return last[0] === 10 ? length : length + writeAll(file, Buffer.from("\n"), length);
}

/** So that nobody reads half a checkpoint; where even this fails, the next claim does it. */
function cutBack(file: number, length: number): void {
  try {
    ftruncateSync(file, length);
  } catch {}
}
