import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { type Clock, systemClock } from "../../clock.ts";
import {
  type DeadLetter,
  type DeadLetterStore,
  type LetterEntry,
  type LetterMark,
  type LettersFound,
  letterMarks,
} from "../../engine/ports.ts";
import { messageOf, TidemarkError } from "../../errors.ts";
import { parseJson, stringifyJson } from "../../model/json.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import { asLetterFailure, DeadLetterFile, wholeLines } from "./dead-letter-file.ts";
import { readLetterLine } from "./letter-line.ts";
import { finishPurge, purgeFile } from "./purge.ts";

/** The position of a line in the file. */
interface LinePlace {
  readonly offset: number;
  readonly length: number;
}

/** A letter's state, with the positions of its last line and of the last mark that closed it. */
interface Known {
  readonly entry: LetterEntry;
  readonly key: StreamKey;
  readonly place: LinePlace;
  readonly closedAt: number;
}

const markSchema = z.object({
  mark: z.enum(letterMarks),
  letter: z.string(),
  time: z.string(),
  run: z.string().nullable(),
  actor: z.string(),
  code: z.string().nullable(),
  reason: z.string().nullable(),
});

/**
 * Reads a dead-letter file. The outcome of a letter is appended as a line of its own (a mark), so that pipelines may go
 * on appending meanwhile. A letter that comes again after such a mark is open again.
 */
export class DeadLetterBook implements DeadLetterStore {
  readonly place: string;
  readonly #file: DeadLetterFile;
  readonly #places = new WeakMap<LetterEntry, LinePlace>();
  readonly #clock: Pick<Clock, "now">;

  constructor(path: string, clock: Pick<Clock, "now"> = systemClock) {
    this.#clock = clock;
    this.place = resolve(path);
    this.#file = new DeadLetterFile(path);
  }

  entries({ connector, stream }: StreamKey): LettersFound {
    this.#finishPurge();
    const { known, ...unreadable } = this.#read(this.place);
    const entries: LetterEntry[] = [];
    for (const { entry, key, place } of known.values()) {
      if (key.connector !== connector || key.stream !== stream) continue;
      this.#places.set(entry, place);
      entries.push(entry);
    }
    return { entries, ...unreadable };
  }

  letter(entry: LetterEntry): DeadLetter {
    const place = this.#places.get(entry);
    const letter =
      place === undefined
        ? null
        : readLetterLine(asLetterFailure(this.place, () => lineAt(this.place, place)));
    if (letter !== null) return letter;
    throw this.#failure(`the letter ${entry.id} is no longer where it was; the file was changed meanwhile`);
  }

  add(letter: DeadLetter): void {
    this.#file.add(letter);
  }

  mark(mark: LetterMark): void {
    this.#file.addLine(`${stringifyJson(mark)}\n`);
  }

  sync(): void {
    this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }

  purge({ connector, stream }: StreamKey): number {
    this.#finishPurge();
    const { known } = this.#read(this.place);
    const isOurs = ({ key }: Known) => key.connector === connector && key.stream === stream;
    const closings = new Map(
      [...known]
        .filter(([, one]) => isOurs(one) && one.closedAt >= 0)
        .map(([id, { closedAt }]) => [id, closedAt]),
    );
    if (closings.size === 0) return 0;
    const keeps = (line: string, offset: number): boolean => {
      const id = readLetterLine(line)?.id ?? readMark(line)?.letter;
      const closedAt = id === undefined ? undefined : closings.get(id);
      return closedAt === undefined || offset > closedAt;
    };
    asLetterFailure(this.place, () => purgeFile(this.place, this.#file, keeps));
    return [...closings.keys()].filter((id) => known.get(id)?.entry.status !== "open").length;
  }

  #read(path: string): { known: Map<string, Known> } & Omit<LettersFound, "entries"> {
    const known = new Map<string, Known>();
    const unreadableAt: number[] = [];
    let unreadable = 0;
    let endsCutShort = false;
    for (const { line, place, number, hasEnd } of numberedLines(path, (cause) =>
      this.#failure(messageOf(cause)),
    )) {
      const letter = readLetterLine(line);
      const mark = letter === null ? readMark(line) : null;
      const id = letter?.id ?? mark?.letter;
      const before = id === undefined ? undefined : known.get(id);
      if (letter !== null) {
        // In the order in which they were first refused, also where a letter is open again.
        if (before !== undefined && before.entry.status !== "open") known.delete(letter.id);
        known.set(letter.id, withLetter(before, letter, place));
      } else if (mark !== null && before !== undefined) known.set(mark.letter, withMark(before, mark, place));
      else if (mark === null) {
        unreadable += 1;
        endsCutShort = !hasEnd;
        if (unreadableAt.length < mostPlaces) unreadableAt.push(number);
      }
    }
    return { known, unreadable, unreadableAt, endsCutShort };
  }

  #finishPurge(): void {
    const now = this.#clock.now();
    asLetterFailure(this.place, () => finishPurge(this.place, now, (old) => this.#bringBack(old)));
  }

  /** Adds the open letters of another file that this one does not have. */
  #bringBack(old: string): void {
    const here = this.#read(this.place).known;
    const there = this.#read(old).known;
    for (const { line } of numberedLines(old, (cause) => this.#failure(messageOf(cause)))) {
      const id = readLetterLine(line)?.id;
      if (id === undefined || here.has(id) || there.get(id)?.entry.status !== "open") continue;
      this.#file.addLine(`${line}\n`);
    }
    this.#file.sync();
  }

  #failure(message: string): TidemarkError {
    return new TidemarkError("OUTPUT_FAILED", `the dead-letter file ${this.place}: ${message}`);
  }
}

/** How many unreadable lines are reported with their number. */
const mostPlaces = 10;

function lineAt(path: string, { offset, length }: LinePlace): string {
  const file = openSync(path, "r");
  try {
    const line = Buffer.alloc(length);
    readSync(file, line, 0, length, offset);
    return line.toString("utf8");
  } finally {
    closeSync(file);
  }
}

function withLetter(before: Known | undefined, letter: DeadLetter, place: LinePlace): Known {
  const { id, time, code, connector, stream } = letter;
  const isOpen = before?.entry.status === "open";
  const entry: LetterEntry = {
    id,
    time: isOpen ? before.entry.time : time,
    status: "open",
    tries: isOpen ? before.entry.tries : 0,
    code,
    marked: isOpen ? before.entry.marked : null,
  };
  return { entry, key: { connector, stream }, place, closedAt: before?.closedAt ?? -1 };
}

function withMark(before: Known, mark: LetterMark, { offset }: LinePlace): Known {
  const { entry } = before;
  if (mark.mark === "refused") {
    return {
      ...before,
      entry: { ...entry, tries: entry.tries + 1, code: mark.code ?? entry.code, marked: mark },
    };
  }
  return { ...before, entry: { ...entry, status: mark.mark, marked: mark }, closedAt: offset };
}

function readMark(line: string): LetterMark | null {
  try {
    const parsed = markSchema.safeParse(parseJson(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** The lines of a file that are not empty, with their numbers from 1; none where there is no file. */
export function* numberedLines(
  path: string,
  failure: (cause: unknown) => Error,
): Generator<{
  readonly line: string;
  readonly place: LinePlace;
  readonly number: number;
  readonly hasEnd: boolean;
}> {
  if (!existsSync(path)) return;
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    throw failure(cause);
  }
  try {
    let offset = 0;
    let number = 0;
    for (const piece of wholeLines(file, 0)) {
      for (let start = 0; start < piece.length; ) {
        const end = piece.indexOf(10, start);
        const length = (end < 0 ? piece.length : end) - start;
        number += 1;
        if (length > 0) {
          yield {
            line: piece.toString("utf8", start, start + length),
            place: { offset: offset + start, length },
            number,
            hasEnd: end >= 0,
          };
        }
        start += length + 1;
      }
      offset += piece.length;
    }
  } catch (cause) {
    throw failure(cause);
  } finally {
    closeSync(file);
  }
}
