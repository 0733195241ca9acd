import type { Warn } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import { keyText } from "./key-text.ts";
import type { InexactKey } from "./table-store.ts";

/** How many keys are remembered at most between two commits. */
const mostKeys = 100_000;

/**
 * Keys in columns that keep no blanks at the end, as `char(n)` does: what such a column gives back does not
 * tell which of two keys was written, so those of a checkpoint are compared before they are.
 */
export class BlankKeys {
  /** The fields of the key, and those of them whose columns keep no blanks at the end. */
  readonly #key: readonly string[];
  readonly #fields: readonly string[];
  readonly #exact = new Map<string, string>();

  constructor(key: readonly string[], fields: readonly string[]) {
    this.#key = key;
    this.#fields = fields;
  }

  /** Why the record's key would become that of another record; null where it would not. */
  problemOf(record: SourceRecord): TidemarkError | null {
    const stored: Record<string, unknown> = { ...record };
    for (const field of this.#fields) {
      const value = record[field];
      if (typeof value === "string") stored[field] = value.replace(/ +$/, "");
    }
    const name = keyText(stored, this.#key);
    const exact = keyText(record, this.#key);
    const known = this.#exact.get(name);
    if (known === undefined) {
      if (this.#exact.size >= mostKeys) this.#exact.clear();
      this.#exact.set(name, exact);
      return null;
    }
    if (known === exact) return null;
    const [field = ""] = this.#fields;
    return new TidemarkError(
      "RECORD_INVALID",
      `its key ${JSON.stringify(exact)} and the key ${JSON.stringify(known)} of another record differ only in blanks at the end, which the column of the field \`${field}\` does not keep`,
      { hint: "Give the column a type that keeps them, such as `varchar`.", details: { field } },
    );
  }

  /** To be told of a commit. */
  clear(): void {
    this.#exact.clear();
  }
}

/** Tells of key columns in which different texts are one. */
export function warnOfKey(
  warn: Warn,
  table: string,
  { inexact, blank }: { readonly inexact: readonly InexactKey[]; readonly blank: readonly string[] },
): void {
  for (const { column, because } of inexact) {
    warn(
      "KEY_INEXACT",
      `the key column ${column} of the table ${table} takes different texts for one, since ${because}: a record whose key meets the row of another is refused`,
    );
  }
  for (const field of blank) {
    warn(
      "KEY_INEXACT",
      `the key column ${field} of the table ${table} keeps no blanks at the end of a text: keys that differ only in these are refused where they come between two checkpoints, and are one row where they come later`,
    );
  }
}
