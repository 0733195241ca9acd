import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { TidemarkError } from "../../../errors.ts";
import { compareStreamKeys, type StreamKey } from "../../../model/stream-key.ts";
import { privateMode } from "../../../private-files.ts";

/** No stream's file has a tilde in its name. */
const fileName = "~streams.jsonl";

const lineSchema = z.object({ connector: z.string(), stream: z.string() });

/**
 * The list of the streams that a folder has held, one JSON line each. It shows when all files of a stream were removed.
 * The line is written after the stream's first file, and from the second write on that file records that the line
 * exists. A crash in between leaves a stream that is not listed yet, never one that seems removed.
 */
export class StreamList {
  readonly #file: string;

  constructor(folder: string) {
    this.#file = join(folder, fileName);
  }

  has(key: StreamKey): boolean {
    return this.all().some((listed) => compareStreamKeys(listed, key) === 0);
  }

  /** All of them by connector and stream. Throws `STATE_UNREADABLE`. */
  all(): StreamKey[] {
    if (!existsSync(this.#file)) return [];
    const lines = readFileSync(this.#file, "utf8").split("\n");
    // What follows the last line break is a line that was cut off.
    lines.pop();
    return lines
      .filter((line) => line !== "")
      .map((line, index) => this.#parse(line, index + 1))
      .sort(compareStreamKeys);
  }

  /** A line is short enough to be appended atomically while other processes append too. */
  add({ connector, stream }: StreamKey): void {
    const cut = existsSync(this.#file) && !readFileSync(this.#file, "utf8").endsWith("\n");
    appendFileSync(this.#file, `${cut ? "\n" : ""}${JSON.stringify({ connector, stream })}\n`, {
      flush: true,
      mode: privateMode,
    });
  }

  #parse(line: string, number: number): StreamKey {
    try {
      return lineSchema.parse(JSON.parse(line));
    } catch (cause) {
      throw new TidemarkError(
        "STATE_UNREADABLE",
        `${this.#file}:${number}: the list of streams cannot be read`,
        { cause, hint: "Remove the line; it only serves to miss streams that were removed." },
      );
    }
  }
}
