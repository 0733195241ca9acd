import { closeSync, fsync, mkdirSync } from "node:fs";
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
import { onErrorOf } from "../dead-letters/schema.ts";
import { cutBack, foundAt, lineStart, openAt, type SetAside, settleFile, sizeOf } from "./committed-file.ts";
import { createLedger } from "./create-ledger.ts";
import { fileFailure } from "./failure.ts";
import { Ledger } from "./ledger.ts";
import { type LineFormat, lineFormat } from "./line-format.ts";
import { type FilePlace, filePlace } from "./path-template.ts";
import type { FileOutputConfig } from "./schema.ts";
import { type Sealed, tailOf } from "./seal.ts";
import { Staging, writeAll } from "./staging.ts";

/**
 * Appends records to a file as JSON lines or CSV, each exactly once on one machine. The length committed
 * is kept in `<path>.tidemark` beside the file; what lies behind it is moved aside by the next run. A file
 * that was there before is kept and added to. Nothing else may write to it while Tidemark does: a
 * change inside the committed length is refused with `OUTPUT_LOST` where it is seen.
 *
 * A path with a placeholder (`orders-{{ date }}.csv`) is a series: a run writes to the file of the time at which it
 * begins, and one ledger knows all of them. A stream whose `path` was changed goes on in the new place: the ledger of the
 * old one is claimed, so that older runs are shut out of it, and what it knows is taken over.
 */
export function createFileOutput(config: FileOutputConfig): Output {
  return {
    kind: "file",
    guarantee: "exactly-once",
    appends: true,
    exclusive: { id: `file:${resolve(config.path)}`, name: `the file ${config.path}` },
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
  #ledger: Ledger | null = null;

  constructor(place: FilePlace, context: OutputContext, format: LineFormat) {
    this.#place = place;
    this.place = place.text;
    this.#path = place.fileAt(context.clock.now());
    this.#context = context;
    this.#format = format;
    this.#staging = new Staging(`${this.#path}.${process.pid}.uncommitted`);
  }

  async fencedEpoch(): Promise<number> {
    const ledger = await this.#openLedger();
    return ledger === null ? 0 : ledger.claimedEpoch(this.#context.scope);
  }

  async holdsRecords(): Promise<boolean> {
    const ledger = await this.#openLedger();
    const known = (await ledger?.files()) ?? [];
    const files = [this.#path, ...known.map(({ name }) => this.#place.fileOf(name))];
    return files.some((file) => sizeOf(file) > 0);
  }

  async #openLedger(): Promise<Ledger | null> {
    this.#ledger ??= await Ledger.open(ledgerPath(this.#place), this.#context.clock);
    return this.#ledger;
  }

  async fence(
    epoch: number,
    _runId?: string,
    lastPlace: string | null = null,
  ): Promise<CommitPosition | null> {
    const { key, scope } = this.#context;
    await this.#refuseForeignFile();
    if ((await this.#openLedger()) === null) {
      this.#tell(() => {
        mkdirSync(dirname(this.#path), { recursive: true });
        mkdirSync(dirname(this.#place.ledgerFolder), { recursive: true });
        createLedger(ledgerPath(this.#place), key);
      });
    }
    const ledger = await this.#claimed();
    const previous = await this.#leave(lastPlace, epoch);
    try {
      return await ledger.claim(key, scope, epoch, {
        name: this.#place.nameOf(this.#path),
        begins: () => this.#tell(() => foundAt(this.#path)),
        settle: (name, committed) => this.#settle(this.#place.fileOf(name), committed),
        previous,
      });
    } finally {
      previous?.close();
    }
  }

  /** Shuts older runs out of the place that the stream wrote to before; null where nothing is known of it any more. */
  async #leave(lastPlace: string | null, epoch: number): Promise<Ledger | null> {
    if (lastPlace === null || lastPlace === this.place) return null;
    const { key, scope, clock } = this.#context;
    const place = filePlace(lastPlace);
    const ledger = await Ledger.open(ledgerPath(place), clock);
    if (ledger === null) return null;
    try {
      if (await ledger.isOf(key)) {
        await ledger.leave(scope, epoch, (name, committed) =>
          this.#settleLeft(place.fileOf(name), committed),
        );
        return ledger;
      }
    } catch (error) {
      ledger.close();
      throw error;
    }
    ledger.close();
    return null;
  }

  /** A file of a series may be the single file of another stream. */
  async #refuseForeignFile(): Promise<void> {
    const single = filePlace(this.#path);
    if (single.ledgerFolder === this.#place.ledgerFolder) return;
    const ledger = await Ledger.open(ledgerPath(single), this.#context.clock);
    try {
      await ledger?.refuseForeign(this.#context.key);
    } finally {
      ledger?.close();
    }
  }

  #settle(file: string, committed: Sealed): void {
    if (file !== this.#path) this.#settleLeft(file, committed);
    else {
      this.#tell(() => {
        mkdirSync(dirname(file), { recursive: true });
        settleFile(file, committed, this.#onAside);
        this.#format.settle(file, committed.length);
      });
    }
  }

  /** A file that the run does not write to may have been moved away, packed or edited since. */
  #settleLeft(file: string, committed: Sealed): void {
    if (sizeOf(file) < committed.length) return;
    try {
      this.#tell(() => closeSync(openAt(file, committed, this.#onAside)));
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

  async #claimed(): Promise<Ledger> {
    const ledger = await this.#openLedger();
    if (ledger !== null) return ledger;
    throw new TidemarkError(
      "OUTPUT_LOST",
      `${ledgerPath(this.#place)} is gone; it keeps what is committed to the file`,
    );
  }

  async partition(partition: string): Promise<CommitPosition | null> {
    const ledger = await this.#claimed();
    return ledger.partition(this.#context.scope, partition);
  }

  async keepsDelivered(): Promise<boolean> {
    const ledger = await this.#claimed();
    return ledger.keepsDelivered(this.#context.scope);
  }

  async delivered(identities: readonly string[]): Promise<ReadonlySet<string>> {
    const ledger = await this.#claimed();
    return ledger.delivered(this.#context.scope, identities);
  }

  async write(batch: Batch): Promise<number> {
    if (batch.deliveries !== undefined) (await this.#claimed()).deliver(batch.deliveries);
    const { lines, written } = this.#format.lines(batch.records, this.#context.refusals ?? failOnRefusal);
    this.#tell(() => this.#staging.append(lines));
    return written;
  }

  async commit(commit: Commit): Promise<void> {
    const ledger = await this.#claimed();
    await ledger.commit(this.#context.scope, this.#place.nameOf(this.#path), commit, (committed) => {
      this.#context.refusals?.settle();
      return this.#append(committed);
    });
    this.#staging.clear();
  }

  /** Puts what is staged behind the committed length, durably, and returns what is committed then. */
  async #append(committed: Sealed): Promise<Sealed> {
    if (this.#staging.length === 0) return committed;
    const { length, head } = committed;
    const file = this.#tell(() => openAt(this.#path, committed, this.#onAside));
    try {
      const header = Buffer.from(this.#format.head(this.#path, length));
      const from = lineStart(file, length, this.#format.lineEnd) + writeAll(file, header, length);
      await this.#staging.copyTo(file, from);
      // The next page can come in meanwhile.
      await flushed(file);
      const end = from + this.#staging.length;
      return { length: end, head: head ?? this.#format.beginning(this.#path, end), tail: tailOf(file, end) };
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
    return fileFailure(this.#path, error);
  }
}

function ledgerPath({ ledgerFolder }: FilePlace): string {
  return join(ledgerFolder, "ledger.db");
}
