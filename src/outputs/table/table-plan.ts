import type { Column, ColumnKind } from "../../databases/port.ts";
import type { FieldColumn, TableColumn } from "../../databases/table/column.ts";
import {
  type ColumnRules,
  type TableDescription,
  type Takes,
  takesEverything,
  type Widening,
} from "../../databases/table/store.ts";
import { every, keyCheck, spellingCheck, type ValueCheck } from "../../databases/table/value-checks.ts";
import { agrees } from "../../databases/table/values.ts";
import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import { recordExcerpt } from "../../model/record-excerpt.ts";
import { type StorageClass, storageClassesOf } from "../../model/storage-class.ts";
import { refusedValue } from "./refused-record.ts";
import { isHeld, isTaken, isWider, meetAsTexts, meetsAsNumber } from "./widening.ts";

export interface TablePlanOptions {
  readonly table: string;
  /** The key fields, in order; empty for none. */
  readonly key: readonly string[];
  readonly rules: ColumnRules;
  /** Kinds declared by the pipeline, by field. */
  readonly declared: ReadonlyMap<string, ColumnKind>;
  /** Whether columns may be added and widened. */
  readonly mayChange: boolean;
  /** The existing table; null where there is none. */
  readonly existing: TableDescription | null;
  /** Fields that this stream has written before: a record without them sets them to NULL. */
  readonly fields: readonly string[];
}

/** The changes that the table needs before rows of this plan fit. */
export interface Changes {
  readonly create: boolean;
  readonly add: readonly FieldColumn[];
  readonly widen: readonly Widening[];
}

interface Planned {
  column: FieldColumn;
  takes: Takes;
  check: ValueCheck | null;
  /** Whether the column accepts every value, so that values need no check. */
  anything: boolean;
  /** Whether the field is known only from earlier runs. */
  unseen: boolean;
}

export interface PlanSnapshot {
  readonly planned: Planned[];
  readonly version: number;
}

/**
 * Which columns the records' fields go to. `fit` is called with every batch before it is written. A field gets its
 * column with the first value that is not null, and a wider type when a value needs one.
 */
export class TablePlan {
  readonly #options: TablePlanOptions;
  readonly #planned: Planned[] = [];
  readonly #byField = new Map<string, Planned>();
  readonly #byFolded = new Map<string, Planned>();
  /** Fields whose columns the database computes. */
  readonly #computed = new Set<string>();
  /** The source's column types, from the batch. */
  #hints: ReadonlyMap<string, ColumnKind> = new Map();
  #existing = new Map<string, TableColumn>();
  #ours: boolean;
  #hasTable: boolean;
  #version = 0;

  constructor(options: TablePlanOptions) {
    this.#options = options;
    this.#ours = options.existing?.ours ?? true;
    this.#hasTable = options.existing !== null;
    this.#know(options.existing);
    for (const field of options.fields) {
      const column = this.#existing.get(options.rules.fold(field));
      if (column !== undefined && column.computed !== true && !this.#byFolded.has(options.rules.fold(field)))
        this.#plan({ ...column, field }).unseen = true;
    }
  }

  /** The state that `restore` brings back: the parts that records can change. */
  snapshot(): PlanSnapshot {
    return { planned: this.#planned.map((planned) => ({ ...planned })), version: this.#version };
  }

  /**
   * Undoes changes by records since the snapshot. The version does not go back, so that it never names two different
   * plans.
   */
  restore({ planned, version }: PlanSnapshot): void {
    if (version === this.#version) return;
    this.#planned.splice(0, this.#planned.length, ...planned);
    this.#byField.clear();
    this.#byFolded.clear();
    for (const known of planned) {
      this.#byField.set(known.column.field, known);
      this.#byFolded.set(this.#options.rules.fold(known.column.name), known);
    }
    this.#version++;
  }

  /** Rises with each change of the columns. */
  get version(): number {
    return this.#version;
  }

  get columns(): readonly FieldColumn[] {
    return this.#planned.map(({ column }) => column);
  }

  get fields(): readonly string[] {
    return this.#planned.map(({ column }) => column.field);
  }

  /** The names of the key columns in the table. */
  get key(): readonly string[] {
    return this.#options.key.map((field) => this.#byField.get(field)?.column.name ?? field);
  }

  /**
   * Makes room for a batch. Throws `RECORD_INVALID` for a record without a key value, for a field that cannot have a
   * column, and for values that cannot be stored.
   */
  fit(records: readonly SourceRecord[], hints: readonly Column[] = []): void {
    const { key, rules } = this.#options;
    this.#hints = new Map(hints.map(({ name, kind }) => [name, kind]));
    for (const record of records) {
      for (let at = 0; at < key.length; at++) requireKey(record, key[at] ?? "", key);
      let at = 0;
      for (const field in record) {
        const value = record[field];
        const next = this.#planned[at++];
        const planned = next?.column.field === field ? next : this.#byField.get(field);
        if (planned === undefined) this.#meet(field, record);
        else {
          if (planned.unseen) planned.unseen = false;
          if (!planned.anything && value !== null && value !== undefined) this.#take(planned, value, record);
        }
      }
      const classes = storageClassesOf(record);
      if (classes !== undefined && rules.keepsStorageClasses !== true) this.#judge(classes, record);
    }
  }

  /** Bytes in a text column would become a text of hex digits, and such a text in a bytes column would become bytes. */
  #judge(classes: ReadonlyMap<string, StorageClass>, record: SourceRecord): void {
    for (const [field, stored] of classes) {
      const column = this.#byField.get(field)?.column;
      if (
        column === undefined ||
        stored === "number" ||
        stored === "raw" ||
        (stored === "bytes") === (column.kind === "bytes")
      )
        continue;
      const problem =
        stored === "bytes"
          ? "the source has bytes there, which would become a text"
          : "the source has a text there, which would become bytes";
      throw refusedValue(record, column, problem, this.#options);
    }
  }

  #take(planned: Planned, value: unknown, record: SourceRecord): void {
    const { takes } = planned;
    if (!takes.everything) {
      if (isTaken(takes, value)) return;
      this.#widen(planned, value);
    }
    const problem = planned.check?.(value) ?? null;
    if (problem !== null) throw refusedValue(record, planned.column, problem, this.#options);
  }

  /** Gives the column a wider type where the value needs one. */
  #widen(planned: Planned, value: unknown): void {
    const { rules } = this.#options;
    const { column } = planned;
    const hint = this.#hints.get(column.field);
    if (isHeld(column.kind, value, hint)) return;
    const kind = meetsAsNumber(column.kind, value, hint)
      ? (rules.widened({ ...column, ...this.#made("integer") }, value, this.key) ?? "integer")
      : rules.widened(column, value, this.key);
    if (kind === null) return;
    this.#set(planned, { ...column, ...this.#made(kind) });
    this.#version++;
  }

  #made(kind: ColumnKind): Pick<TableColumn, "kind" | "type" | "declared" | "array"> {
    const { rules } = this.#options;
    return { kind, type: rules.typeOf(kind), declared: rules.declaredFor(kind), array: false };
  }

  #set(planned: Planned, column: FieldColumn): void {
    planned.column = column;
    planned.takes = this.#takesOf(column);
    const { rules, key } = this.#options;
    const check = rules.checkOf(column, !this.#isUsers(column));
    const texts = key.includes(column.field) ? keyCheck(column) : spellingCheck(column);
    planned.check = every(check, texts);
    planned.anything = planned.takes.everything && planned.check === null;
  }

  #meet(field: string, record: SourceRecord): void {
    const value = record[field];
    if (this.#computed.has(field)) return;
    const { rules } = this.#options;
    const sameColumn = this.#byFolded.get(rules.fold(field));
    if (sameColumn !== undefined) {
      if (!sameColumn.unseen) throw this.#sameColumnError(field, sameColumn.column.field);
      this.#byField.delete(sameColumn.column.field);
      this.#byField.set(field, sameColumn);
      sameColumn.column = { ...sameColumn.column, field };
      sameColumn.unseen = false;
      this.#version++;
    }
    const existing = this.#existing.get(rules.fold(field));
    if (existing?.computed === true) {
      this.#computed.add(field);
      return;
    }
    if (existing?.identity === true) this.#assertKeepsIdentity(existing);
    const column = existing === undefined ? this.#newColumn(field, record) : { ...existing, field };
    if (column === null) return;
    const planned = sameColumn ?? this.#plan(column);
    if (value !== null && value !== undefined && !planned.anything) this.#take(planned, value, record);
  }

  /** The column to create for a field; null as long as its type is unknown. */
  #newColumn(field: string, record: SourceRecord): FieldColumn | null {
    const { rules, declared, mayChange, table } = this.#options;
    const value = record[field];
    const hint = this.#hints.get(field);
    const isNull = value === null || value === undefined;
    if (isNull && !declared.has(field) && hint === undefined) return null;
    if (!mayChange) {
      throw new TidemarkError(
        "RECORD_INVALID",
        `the table ${table} has no column for the field \`${field}\``,
        {
          hint: "Add the column, leave the field out with a `remove` filter, or allow `createTable: true`.",
        },
      );
    }
    const problem = rules.nameProblem(field);
    if (problem !== null) {
      throw new TidemarkError(
        "RECORD_INVALID",
        `the field \`${field}\` cannot be the name of a column: ${problem}`,
        { hint: "Give it another name with a `mapping` filter." },
      );
    }
    const hinted = hint !== undefined && (isNull || agrees(hint, value, field));
    const bytes = storageClassesOf(record)?.get(field) === "bytes" ? "bytes" : null;
    const kind = declared.get(field) ?? (hinted ? hint : (bytes ?? rules.kindFor(value, field)));
    return { field, name: field, ...this.#made(kind) };
  }

  /** PostgreSQL cannot change the identity value of an existing row. */
  #assertKeepsIdentity({ name }: TableColumn): void {
    const { key, rules, table } = this.#options;
    if (key.length === 0 || key.map(rules.fold).includes(rules.fold(name))) return;
    throw new TidemarkError(
      "CONFIG_INCOHERENT",
      `the table ${table} numbers its rows by \`${name}\` (GENERATED ALWAYS AS IDENTITY), which an upsert by ${key.join(", ")} cannot change`,
      {
        hint: `Upsert by \`${name}\`, leave the field out with a \`remove\` filter, or let the column take numbers: ALTER TABLE ${table} ALTER COLUMN "${name}" SET GENERATED BY DEFAULT.`,
      },
    );
  }

  #sameColumnError(field: string, other: string): TidemarkError {
    return new TidemarkError(
      "RECORD_INVALID",
      `the fields \`${other}\` and \`${field}\` differ only in case, and to this database they are one column`,
      { hint: "Give one of them another name with a `mapping` filter." },
    );
  }

  #plan(column: FieldColumn): Planned {
    const planned: Planned = { column, takes: takesEverything, check: null, anything: true, unseen: false };
    this.#set(planned, column);
    this.#planned.push(planned);
    this.#byField.set(column.field, planned);
    this.#byFolded.set(this.#options.rules.fold(column.name), planned);
    this.#version++;
    return planned;
  }

  /**
   * A column that Tidemark did not create, or that the pipeline declares, keeps its type; the database checks values.
   */
  #takesOf(column: FieldColumn): Takes {
    const { rules, declared } = this.#options;
    return declared.has(column.field) || this.#isUsers(column)
      ? takesEverything
      : rules.takes(column, this.key);
  }

  #isUsers({ name }: FieldColumn): boolean {
    const { rules, mayChange } = this.#options;
    return this.#existing.has(rules.fold(name)) && !(this.#ours && mayChange);
  }

  /**
   * Compares the plan with the current table, and takes over columns that another writer has added or widened. Returns
   * the remaining changes.
   */
  reconcile(description: TableDescription | null): Changes {
    const { rules } = this.#options;
    this.#ours = description?.ours ?? true;
    this.#hasTable = description !== null;
    const before = this.#existing;
    this.#know(description);
    if (!this.#hasTable) return { create: true, add: this.columns, widen: [] };
    const add: FieldColumn[] = [];
    const widen: Widening[] = [];
    for (const planned of this.#planned) {
      const { column } = planned;
      const actual = this.#existing.get(rules.fold(column.name));
      const known = before.get(rules.fold(column.name));
      if (actual === undefined) add.push(column);
      else if (this.#ours && known?.kind !== actual.kind && meetAsTexts(column.kind, actual.kind)) {
        planned.column = { ...column, ...this.#made("text") };
        widen.push({ column: planned.column, from: actual });
        this.#version++;
      } else if (this.#ours && isWider(column.kind, actual.kind)) widen.push({ column, from: actual });
      else if (actual.type !== column.type || actual.kind !== column.kind) {
        planned.column = { ...column, ...actual };
        this.#version++;
      }
      this.#set(planned, planned.column);
    }
    return { create: false, add, widen };
  }

  /** Call once the changes are committed. */
  settled(): void {
    this.#hasTable = true;
    for (const { column } of this.#planned) this.#existing.set(this.#options.rules.fold(column.name), column);
  }

  /** Whether the table has to be changed before rows of this plan fit, as far as is known. */
  get unsettled(): boolean {
    if (!this.#hasTable) return true;
    return this.#planned.some(({ column }) => {
      const actual = this.#existing.get(this.#options.rules.fold(column.name));
      return actual === undefined || actual.kind !== column.kind;
    });
  }

  #know(description: TableDescription | null): void {
    this.#existing = new Map(
      (description?.columns ?? []).map((column) => [this.#options.rules.fold(column.name), column]),
    );
  }
}

function requireKey(record: SourceRecord, field: string, key: readonly string[]): void {
  const value = record[field];
  if (value !== null && value !== undefined) return;
  throw new TidemarkError(
    "RECORD_INVALID",
    `a record has no value in its key field \`${field}\` (key: ${key.join(", ")}): ${recordExcerpt(record, 200)}`,
    { hint: "Choose a `key` that every record has, or drop such records with a `condition` filter." },
  );
}
