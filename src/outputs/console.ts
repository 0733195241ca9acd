import type { Writable } from "node:stream";
import { z } from "zod";
import type { Batch, Output, OutputSession, Refusals } from "../engine/ports.ts";
import { failOnRefusal } from "../engine/refusals/refusals.ts";
import { messageOf, TidemarkError } from "../errors.ts";
import type { SourceRecord } from "../model/record.ts";
import { visibleText } from "../terminal-text.ts";
import { onErrorOf, onErrorShape, validateOnError } from "./dead-letters/schema.ts";
import { jsonLine, linesOf } from "./json-line.ts";

export const consoleOutputSchema = z
  .strictObject({
    type: z.literal("console").describe("Prints records, one JSON object per line."),
    ...onErrorShape,
  })
  .superRefine(validateOnError)
  .describe("Prints records, one JSON object per line, without a guarantee.");

/**
 * Prints records to a stream as JSON lines, for people to read. It keeps no commit position, so a batch may be printed
 * again after a failure. Throws `OUTPUT_UNAVAILABLE` where the stream is closed, as by `head`.
 */
export function createConsoleOutput(
  stream: Writable,
  config: z.infer<typeof consoleOutputSchema> = { type: "console", onError: "fail" },
): Output {
  return {
    kind: "console",
    guarantee: "none",
    appends: false,
    prints: true,
    onError: onErrorOf(config),
    open: async ({ refusals = failOnRefusal }) => new ConsoleSession(stream, refusals),
  };
}

/** The same JSON, with terminal control characters escaped. */
function visibleJsonLine(record: SourceRecord): string {
  return visibleText(jsonLine(record));
}

class ConsoleSession implements OutputSession {
  readonly databaseIdentity = null;
  readonly #stream: Writable;
  readonly #refusals: Refusals;
  readonly #ignore = (): void => {};

  constructor(stream: Writable, refusals: Refusals) {
    this.#stream = stream;
    this.#refusals = refusals;
    // The failed write reports a closed pipe; without a listener the event would end the process.
    stream.on("error", this.#ignore);
  }

  async fencedEpoch(): Promise<number> {
    return 0;
  }

  async fence(): Promise<null> {
    return null;
  }

  async write(batch: Batch): Promise<number> {
    const { lines, written } = linesOf(batch.records, visibleJsonLine, this.#refusals);
    if (lines !== "") await this.#print(lines);
    return written;
  }

  #print(lines: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(lines, (error) => {
        if (!error) resolve();
        else
          reject(
            new TidemarkError("OUTPUT_UNAVAILABLE", `printing failed: ${messageOf(error)}`, { cause: error }),
          );
      });
    });
  }

  async commit(): Promise<void> {}

  async close(): Promise<void> {
    this.#stream.off("error", this.#ignore);
  }
}
