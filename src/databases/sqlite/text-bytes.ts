import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import type { UnreadableText } from "../port.ts";

/**
 * SQLite stores any bytes as text, and the driver returns decoded texts: invalid UTF-8 becomes U+FFFD, and in a UTF-16
 * file half of a surrogate pair also changes the character after it.
 */
export interface TextDecoding {
  /** Whether a text may come from invalid bytes. Called for every text that is read. */
  mayBeMalformed(text: string): boolean;
  /** Whether these bytes encode this text. */
  compare(bytes: Uint8Array, text: string): "same" | "malformed" | "other";
}

const replacement = "\uFFFD";

/** The checks for the text encoding of a file. */
export function textDecodingOf(database: DatabaseSync): TextDecoding {
  const encoding = database.prepare("PRAGMA encoding").get()?.encoding;
  return typeof encoding === "string" && encoding.startsWith("UTF-16")
    ? utf16(encoding === "UTF-16be" ? "utf-16be" : "utf-16le")
    : utf8;
}

const utf8: TextDecoding = {
  mayBeMalformed: (text) => text.includes(replacement),
  compare: comparedAs("utf-8"),
};

function utf16(encoding: "utf-16le" | "utf-16be"): TextDecoding {
  return { mayBeMalformed: (text) => surrogateOrReplacement.test(text), compare: comparedAs(encoding) };
}

const surrogateOrReplacement = /[\uD800-\uDFFF\uFFFD]/;

function comparedAs(encoding: string): TextDecoding["compare"] {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  return (bytes, text) => {
    try {
      return decoder.decode(bytes) === text ? "same" : "other";
    } catch {
      return "malformed";
    }
  };
}

/** A statement whose rows may be checked a second time. */
export interface ReadAgain {
  readonly database: DatabaseSync;
  readonly sql: string;
  readonly params: readonly SQLInputValue[];
  /** The names of its columns, also of those that no row has. */
  readonly names: readonly string[];
  readonly decoding: TextDecoding;
}

/**
 * Checks those rows of a read that have a possibly invalid text: the statement runs a second time on the same snapshot,
 * and returns bytes. Rows must be requested in order. A read without such texts has no extra cost.
 */
export class SecondLook {
  readonly #read: ReadAgain;
  #rows: Iterator<unknown> | null = null;
  /** How many rows have been taken. */
  #taken = 0;

  constructor(read: ReadAgain) {
    this.#read = read;
  }

  /** The first of some columns of a row with an invalid text; null where all texts are valid. */
  unreadable(
    row: number,
    values: readonly SQLOutputValue[],
    columns: readonly number[],
  ): UnreadableText | null {
    const { names, decoding } = this.#read;
    const again = this.#bytesOf(row);
    for (const at of columns) {
      const [bytes, text, field = ""] = [again?.[at], values[at], names[at]];
      if (typeof text !== "string") continue;
      const found = bytes instanceof Uint8Array ? decoding.compare(bytes, text) : "other";
      if (found !== "same") return { field, because: found === "malformed" ? "malformed" : "unknown" };
    }
    return null;
  }

  #bytesOf(row: number): readonly unknown[] | null {
    this.#rows ??= this.#start();
    for (; this.#taken <= row; this.#taken++) {
      const next = this.#rows.next();
      if (next.done === true) return null;
      if (this.#taken === row) {
        this.#taken++;
        return next.value as readonly unknown[];
      }
    }
    return null;
  }

  #start(): Iterator<unknown> {
    const { database, sql, params, names } = this.#read;
    let statement: StatementSync;
    try {
      statement = database.prepare(bytesSql(sql, names.length));
    } catch {
      // Statements that cannot be a subquery, such as a PRAGMA.
      return [].values();
    }
    statement.setReturnArrays(true);
    return statement.iterate(...params);
  }

  close(): void {
    this.#rows?.return?.();
    this.#rows = null;
  }
}

/** By number, since names may need quotes and differ in case only. */
function bytesSql(sql: string, columns: number): string {
  const names = Array.from({ length: columns }, (_, at) => `c${at}`);
  const bytes = names.map((name) => `CAST(${name} AS BLOB)`);
  return `WITH tidemark_rows(${names.join(", ")}) AS (\n${sql.replace(/;\s*$/, "")}\n) SELECT ${bytes.join(", ")} FROM tidemark_rows`;
}
