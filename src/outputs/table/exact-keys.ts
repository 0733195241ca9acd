import type { FieldColumn } from "../../databases/table/column.ts";
import type { ColumnRules, InexactKey } from "../../databases/table/store.ts";
import { shown } from "../../databases/table/value-checks.ts";
import { textOfValue } from "../../databases/table/values.ts";
import type { Warn } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { canonicalDecimal, comparableDecimal } from "../../model/decimal.ts";
import type { SourceRecord } from "../../model/record.ts";
import { storageClassesOf } from "../../model/storage-class.ts";
import { withoutTrailing } from "../../model/trailing.ts";

/** The most keys that are remembered between two commits. */
const mostKeys = 100_000;

/** The kind of a key value. Two values of different kinds are never the same key, even if they look alike. */
type KeyKind = "text" | "number" | "truth value" | "bytes";

interface ExactKeysOptions {
  readonly table: string;
  /** The fields of the key, in order. */
  readonly key: readonly string[];
  readonly rules: ColumnRules;
  readonly warn: Warn;
}

/**
 * Detects different keys that a table stores as equal: texts that differ only in trailing blanks, in a column that
 * drops them (`char(n)`), and values of different kinds, such as the number 1 and the text `1`. The keys of a
 * checkpoint are compared before they are written.
 */
export class ExactKeys {
  readonly #options: ExactKeysOptions;
  /** The key fields whose columns drop trailing blanks. */
  #blank: readonly string[] = [];
  /** The kind of the first value in each field of the key. */
  readonly #kinds: (KeyKind | undefined)[];
  /** The fields with values of several kinds, with the second kind. */
  readonly #mixed = new Map<string, KeyKind>();
  readonly #warned = new Set<string>();
  readonly #exact = new Map<string, SourceRecord>();

  constructor(options: ExactKeysOptions) {
    this.#options = options;
    this.#kinds = options.key.map(() => undefined);
  }

  /** Set the columns that drop trailing blanks. */
  set blank(fields: readonly string[]) {
    this.#blank = fields;
  }

  /**
   * The records whose stored keys are distinct; the others go to `refuse`. `waiting` are the records of the checkpoint
   * so far, and `columns` those of the table.
   */
  fitting(
    records: readonly SourceRecord[],
    {
      waiting,
      columns,
    }: { readonly waiting: readonly SourceRecord[]; readonly columns: readonly FieldColumn[] },
    refuse: (problem: TidemarkError, record: SourceRecord) => void,
  ): readonly SourceRecord[] {
    for (const record of records) this.#meet(record);
    if (this.#blank.length === 0 && this.#mixed.size === 0) return records;
    const own = this.#ownColumns(columns);
    const mixed = own.filter(({ field }) => this.#mixed.has(field));
    if (this.#blank.length === 0 && mixed.length === 0) return records;
    for (const { field } of mixed) {
      if (this.#warned.has(field)) continue;
      this.#warnOf(field);
      for (const record of waiting) this.#problemOf(record, own);
    }
    return records.filter((record) => {
      const problem = this.#problemOf(record, own);
      if (problem !== null) refuse(problem, record);
      return problem === null;
    });
  }

  /** Call after a commit. */
  clear(): void {
    this.#exact.clear();
  }

  #meet(record: SourceRecord): void {
    const { key } = this.#options;
    for (let at = 0; at < key.length; at++) {
      const field = key[at] ?? "";
      const value = record[field];
      const known = this.#kinds[at];
      // Fast path: nearly all keys have the type of the first one.
      if (known === "number" && typeof value === "number") continue;
      const kind = kindOf(record, field);
      if (known === undefined) this.#kinds[at] = kind;
      else if (known !== kind) this.#mixed.set(field, kind);
    }
  }

  #warnOf(field: string): void {
    const { key, table, warn } = this.#options;
    const [one, other] = [this.#kinds[key.indexOf(field)], this.#mixed.get(field)];
    this.#warned.add(field);
    warn(
      "KEY_INEXACT",
      `the key field ${field} holds values of several kinds (${one} and ${other}): keys that the table ${table} stores alike, as the number 1 and the text "1", are refused where they come between two checkpoints, and are one row where they come later`,
    );
  }

  /** The key columns, without those that distinguish values of all kinds. */
  #ownColumns(columns: readonly FieldColumn[]): readonly FieldColumn[] {
    const { key, rules } = this.#options;
    return columns.filter((column) => key.includes(column.field) && rules.keepsKindsApart?.(column) !== true);
  }

  /** Why the record's stored key would equal that of another record; null where it would not. */
  #problemOf(record: SourceRecord, columns: readonly FieldColumn[]): TidemarkError | null {
    const { key } = this.#options;
    const stored = key.map((field) => {
      const column = columns.find((own) => own.field === field);
      return column === undefined ? exactPart(record, field) : this.#storedPart(record, column);
    });
    const name = JSON.stringify(stored);
    const known = this.#exact.get(name);
    if (known === undefined) {
      if (this.#exact.size >= mostKeys) this.#exact.clear();
      this.#exact.set(name, record);
      return null;
    }
    const column = columns.find(({ field }) => exactPart(known, field) !== exactPart(record, field));
    return column === undefined ? null : collision(record, known, column);
  }

  #storedPart(record: SourceRecord, { field, kind }: FieldColumn): string {
    const value = record[field];
    const isNumber = kind === "integer" || kind === "decimal" || kind === "float";
    if (typeof value === "boolean" && (isNumber || kind === "boolean")) return value ? "1" : "0";
    const text = textOfValue(value ?? null, "text");
    if (isNumber || kind === "boolean") return canonicalDecimal(text.trim()) ?? text;
    return this.#blank.includes(field) ? withoutTrailing(text, " ") : text;
  }
}

function kindOf(record: SourceRecord, field: string): KeyKind {
  const value = record[field];
  if (typeof value === "boolean") return "truth value";
  if (value instanceof Uint8Array) return "bytes";
  if (typeof value !== "string" && !(value instanceof Date)) return "number";
  const stored = storageClassesOf(record)?.get(field);
  return stored === undefined || stored === "raw" ? "text" : stored;
}

/** A text that is equal for two records exactly if the field is. */
function exactPart(record: SourceRecord, field: string): string {
  const kind = kindOf(record, field);
  const text = textOfValue(record[field] ?? null, "text");
  return `${kind} ${kind === "number" ? (comparableDecimal(text) ?? text) : text}`;
}

function collision(record: SourceRecord, known: SourceRecord, column: FieldColumn): TidemarkError {
  const { field } = column;
  const [one, other] = [kindOf(record, field), kindOf(known, field)];
  const [key, otherKey] = [shown(record[field]), shown(known[field])];
  if (one === other)
    return new TidemarkError(
      "RECORD_INVALID",
      `its key ${key} and the key ${otherKey} of another record differ only in blanks at the end, which the column of the field \`${field}\` does not keep`,
      { hint: "Give the column a type that keeps them, such as `varchar`.", details: { field } },
    );
  return new TidemarkError(
    "RECORD_INVALID",
    `its key ${key} (${one}) and the key ${otherKey} (${other}) of another record are one in the column of the field \`${field}\` (${column.declared ?? column.type})`,
    {
      hint: "Add a field to the `key` that differs between them, or have the source or a filter give the key another form.",
      details: { field },
    },
  );
}

/** Warns of key columns in which different texts are equal. */
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
