import type { Writable } from "node:stream";
import { z } from "zod";
import type { Batch, Output, OutputSession } from "../engine/ports.ts";
import { messageOf, TidemarkError } from "../errors.ts";
import { jsonLine } from "./json-line.ts";

export const consoleOutputSchema = z
  .strictObject({
    type: z.literal("console").describe("Prints records, one JSON object a line."),
  })
  .describe("Prints records, one JSON object a line; nothing is promised about what reaches the screen.");

/**
 * Prints records to a stream as JSON lines, for a look at them. It keeps no mark, so a batch may be
 * printed again after a failure. Throws `OUTPUT_UNAVAILABLE` where the stream is closed, as by `head`.
 */
export function createConsoleOutput(stream: Writable): Output {
  return {
    kind: "console",
    guarantee: "none",
    appends: false,
    open: async () => new ConsoleSession(stream),
  };
}

class ConsoleSession implements OutputSession {
  readonly databaseIdentity = null;
  readonly #stream: Writable;
  readonly #ignore = (): void => {};

  constructor(stream: Writable) {
    this.#stream = stream;
    // A closed pipe is told through the write that met it; the event alone would end the process.
    stream.on("error", this.#ignore);
  }

  async claimedEpoch(): Promise<number> {
    return 0;
  }

  async claim(): Promise<null> {
    return null;
  }

  async write(batch: Batch): Promise<number> {
    let lines = "";
    for (const record of batch.records) lines += jsonLine(record);
    if (lines !== "") await this.#print(lines);
    return batch.records.length;
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
