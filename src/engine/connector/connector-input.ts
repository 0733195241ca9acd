import { isTidemarkError, messageOf, type SourceLocation, TidemarkError } from "../../errors.ts";
import type { CursorType } from "../../model/cursor.ts";
import { isPlainObject, kindOf } from "../../model/plain-object.ts";
import { parsePrecision } from "../../model/precision.ts";
import { parsePath, type SourceRecord } from "../../model/record.ts";
import { isoFormat } from "../../model/timestamp.ts";
import { adoptValue } from "../../model/user-value.ts";
import { holdsSecret } from "../../secrets.ts";
import type { Incremental, Input, Page, ReadRequest, Warn } from "../ports.ts";
import { risingCursor } from "../tracking/rising-cursor.ts";
import { placeInFile } from "../user-code/stack-frames.ts";
import { awaitUncaught, inUserCode, type UserCode } from "../user-code/user-code.ts";
import { type Connector, checkConnector, readConnectorConfig } from "./connector.ts";
import { ConnectorBatch } from "./connector-batch.ts";
import { ItemReader } from "./item-reader.ts";

/** How many records a batch has, and so how many are delivered between two checkpoints. */
export const defaultBatchSize = 100;
export const mostBatchSize = 10_000;

export interface ConnectorInputOptions {
  /** How many records are written at a time. Default: 100; at most 10,000. */
  readonly batchSize?: number;
  /** Dotted path of the field that identifies a record, or a list of paths; messages name records by it. */
  readonly key?: string | readonly string[];
}

/**
 * A connector as the input of a pipeline in code. Throws `ARGUMENT_INVALID` for a value that is not a connector, and
 * for a configuration that its schema rejects.
 *
 * ```ts
 * const pipeline = definePipeline({
 *   name: "contacts",
 *   input: connectorInput(crm, { config: { url: "https://crm.example.com" } }),
 *   output: { type: "database", connectionString: "sqlite:./crm.db", table: "contacts", key: "id" },
 * });
 * ```
 */
export function connectorInput(
  connector: Connector,
  options: ConnectorInputOptions & { readonly config?: unknown } = {},
): Input {
  checkConnector(connector);
  return createConnectorInput(connector, readConnectorConfig(connector, options.config), options);
}

/** As `connectorInput`, with a configuration that the connector's schema has already parsed. */
export function createConnectorInput(
  connector: Connector,
  config: unknown,
  options: ConnectorInputOptions & { readonly file?: string } = {},
): Input {
  const { file } = options;
  const code: UserCode = {
    name: `the connector ${connector.id}`,
    code: "CONNECTOR_FAILED",
    ...(file === undefined ? {} : { file }),
  };
  const batchSize = checkedBatchSize(options.batchSize);
  return {
    kind: "module",
    incremental: incrementalOf(connector, options.key),
    open: async ({ warn }) => ({
      read: (request) => new ConnectorRead({ connector, code, config, warn }, request).pages(batchSize),
      close: async () => {},
    }),
  };
}

/** Throws `ARGUMENT_INVALID` for a size that batches cannot have. */
export function checkedBatchSize(batchSize = defaultBatchSize): number {
  if (Number.isInteger(batchSize) && batchSize >= 1 && batchSize <= mostBatchSize) return batchSize;
  throw new TidemarkError("ARGUMENT_INVALID", `batchSize is ${batchSize}; it is 1 to ${mostBatchSize}`);
}

function typeOf({ cursorType = "opaque_token" }: Connector): CursorType {
  return cursorType;
}

function incrementalOf(connector: Connector, key: ConnectorInputOptions["key"]): Incremental {
  const type = typeOf(connector);
  return {
    cursors: [
      {
        role: "sourceManaged",
        type,
        path: null,
        format: isoFormat,
        bound: "inclusive",
        precision: parsePrecision("1"),
      },
    ],
    order: "ascending",
    pagesPerCheckpoint: 1,
    resume: "token",
    key: key === undefined ? null : [key].flat().map(parsePath),
    onNullCursor: "fail",
    lookback: null,
    safetyLag: null,
    maxTieSetSize: 10_000,
  };
}

interface ReadParts {
  readonly connector: Connector;
  /** What the connector is called in messages, and its file. */
  readonly code: UserCode;
  readonly config: unknown;
  readonly warn: Warn;
}

/** One call of a connector's `sync`. */
class ConnectorRead {
  readonly #parts: ReadParts;
  readonly #request: ReadRequest;
  /** For messages: how often the connector has yielded. */
  #yields = 0;
  /** How many records came after the last cursor. */
  #uncovered = 0;
  /** The canonical value of the newest cursor, of this read or from before it. */
  #last: string | null;

  constructor(parts: ReadParts, request: ReadRequest) {
    this.#parts = parts;
    this.#request = request;
    this.#last = request.window.lower?.value ?? null;
  }

  async *pages(batchSize: number): AsyncGenerator<Page, void, undefined> {
    const batch = new ConnectorBatch(batchSize);
    const { signal } = this.#request;
    const items = new ItemReader(inCode(this.#iterator(), this.#parts.code), signal);
    try {
      for (;;) {
        const step = await items.next();
        if (step.done) break;
        const { records, cursor } = this.#taken(step.value);
        yield* batch.add(records, cursor);
      }
    } catch (error) {
      // Records that a cursor covers may be committed, even if what follows fails.
      const covered = batch.covered();
      if (covered !== null) yield covered;
      throw signal.aborted ? error : this.#connectorError(error);
    } finally {
      await items
        .close()
        .catch((error: unknown) =>
          this.#parts.warn("CONNECTOR_CLOSE_FAILED", `${this.#name}: ${messageOf(error)}`),
        );
    }
    await awaitUncaught();
    yield* batch.rest();
    this.#warnOfUncovered();
  }

  #iterator(): AsyncIterator<unknown> {
    const { window, since = null, signal } = this.#request;
    const cursor = window.lower?.value ?? null;
    const { connector, code, config } = this.#parts;
    let returned: unknown;
    try {
      returned = inUserCode(code, () => connector.sync({ since, cursor, signal, config }));
      if (isAsyncIterable(returned)) return returned[Symbol.asyncIterator]();
    } catch (error) {
      throw this.#connectorError(error);
    }
    throw this.#failed(`its \`sync\` returned ${kindOf(returned)}, not an async iterable`, {
      hint: "Make it an async generator: `async *sync({ since, cursor }) { … }`.",
    });
  }

  #taken(item: unknown): { records: readonly SourceRecord[]; cursor: string | undefined } {
    this.#yields += 1;
    if (!isPlainObject(item)) throw this.#misunderstood(kindOf(item));
    const { record, records, cursor, ...others } = item;
    const names = Object.keys(others);
    const isEmpty = record === undefined && records === undefined && cursor === undefined;
    if (names.length > 0 || isEmpty || (record !== undefined && records !== undefined)) {
      const keys = Object.keys(item).join(", ");
      throw this.#misunderstood(keys === "" ? "an object without a key" : `an object with the keys ${keys}`);
    }
    const list = records ?? (record === undefined ? [] : [record]);
    if (!Array.isArray(list))
      throw this.#failed(`${this.#place}: \`records\` is ${kindOf(list)}, not a list`);
    const adopted = list.map((one: unknown, index) => this.#adopted(one, index));
    this.#uncovered += adopted.length;
    return { records: adopted, cursor: cursor === undefined ? undefined : this.#cursor(cursor) };
  }

  #adopted(record: unknown, index: number): SourceRecord {
    const place = index === 0 ? this.#place : `${this.#place}, record ${index + 1} of its list`;
    let adopted: unknown;
    try {
      adopted = typeof record === "object" ? adoptValue(record, "") : record;
    } catch (error) {
      throw this.#failed(`${place}: ${messageOf(error)}`, { cause: error });
    }
    if (isPlainObject(adopted)) return adopted;
    throw this.#failed(`${place}: it yielded ${kindOf(record)} as a record, which is an object`);
  }

  #cursor(cursor: unknown): string {
    if (typeof cursor !== "string") {
      throw this.#failed(`${this.#place}: it yielded ${kindOf(cursor)} as a cursor, which is a text`, {
        hint: "Yield `{ cursor: String(value) }`, and no cursor where there is none.",
      });
    }
    if (holdsSecret(cursor)) {
      throw this.#failed("it yielded a cursor that holds a secret, and cursors are stored", {
        hint: "Yield it without the credential, and put that in again when `sync` is given the cursor.",
      });
    }
    // Checked here, since of each batch only the last cursor goes further.
    this.#last = risingCursor(typeOf(this.#parts.connector), cursor, this.#last);
    this.#uncovered = 0;
    return cursor;
  }

  #misunderstood(found: string): TidemarkError {
    return this.#failed(`${this.#place}: it yielded ${found}`, {
      hint: "Yield `{ record }`, `{ records }` or `{ cursor }`, or a cursor together with the records it covers.",
    });
  }

  #warnOfUncovered(): void {
    if (this.#last === null || this.#uncovered === 0) return;
    this.#parts.warn(
      "RECORDS_UNCOVERED",
      `${this.#name} ended with ${this.#uncovered} records behind its last cursor; the next run is given that cursor, and may be brought them again`,
    );
  }

  /** Converts what the connector threw; a `TidemarkError` keeps its code. */
  #connectorError(error: unknown): TidemarkError {
    if (isTidemarkError(error)) return error;
    const { file } = this.#parts.code;
    const where = file === undefined ? {} : { where: placeInFile(error, file) };
    return this.#failed(messageOf(error), { cause: error, recoverable: true, ...where });
  }

  #failed(
    why: string,
    options: { hint?: string; cause?: unknown; recoverable?: boolean; where?: SourceLocation } = {},
  ): TidemarkError {
    return new TidemarkError("CONNECTOR_FAILED", `${this.#name}: ${why}`, options);
  }

  get #name(): string {
    return this.#parts.code.name;
  }

  get #place(): string {
    return `yield ${this.#yields}`;
  }
}

/** The connector's items. Each `next` runs as the connector's code, so that its errors are attributed to it. */
function inCode(items: AsyncIterator<unknown>, code: UserCode): AsyncIterator<unknown> {
  return {
    next: () => inUserCode(code, () => items.next()),
    return: async () => inUserCode(code, async () => items.return?.() ?? { done: true, value: undefined }),
  };
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
