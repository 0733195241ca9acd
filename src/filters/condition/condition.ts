import jsonata from "jsonata";
import type { FilterContext } from "../../engine/ports.ts";
import { jsonataBoolean } from "../../model/jsonata-boolean.ts";
import { formatPath, type Path, type SourceRecord, valueAt } from "../../model/record.ts";
import { isInSecret } from "../../secrets.ts";
import type { NamedField } from "../seen-fields.ts";
import { comparedFields } from "./compared-fields.ts";
import { type DecidingPart, decidingParts } from "./deciding.ts";
import { exactExpression, type JsonataOptions, needsExactness } from "./exact-expression.ts";
import { holdsExact, isOrderOperator } from "./exact-values.ts";
import { describeDrop } from "./missing-field-drops.ts";

/**
 * A condition over records: a JSONata expression, evaluated by JSONata where that is exact, and otherwise with exact
 * numbers.
 */
export class Condition {
  readonly #text: string;
  readonly #limits: JsonataOptions;
  readonly #plain: jsonata.Expression;
  readonly #alwaysExact: boolean;
  #exact: jsonata.Expression | null = null;
  #assuming: jsonata.Expression | null = null;
  /** Fields that a deciding part needs. */
  readonly #needed: readonly Needed[];
  /** Fields that the expression compares. */
  readonly fields: readonly NamedField[];

  constructor(text: string, limits: JsonataOptions) {
    this.#text = text;
    this.#limits = limits;
    this.#plain = jsonata(text, limits);
    const tree = this.#plain.ast();
    this.#alwaysExact = needsExactness(text, tree);
    // An unquoted field may be part of a secret that a variable inserted.
    this.fields = comparedFields(tree)
      .map(namedField)
      .filter(({ name }) => !isInSecret(name, text));
    this.#needed = decidingParts(tree).flatMap(neededBy);
  }

  async isTrueOf(record: SourceRecord): Promise<boolean> {
    return jsonataBoolean(await this.#expressionFor(record).evaluate(record));
  }

  /** Call for a dropped record: reports if only a missing field is the cause. */
  async warnMissing(record: SourceRecord, { account, warn }: FilterContext): Promise<void> {
    const missing = this.#needed.filter(({ field }) => field === null || !field.isIn(record));
    if (missing.length === 0 || !(await this.#wouldKeep(record))) return;
    account?.missedField();
    for (const { field, kind } of missing) {
      // `amount > 10` is expected to drop a record without an amount.
      if (isOrderOperator(kind)) continue;
      const { reason, records, keep, drop } = describeDrop(kind, this.#shown(field));
      warn(
        "FIELD_MISSING",
        `condition \`${this.#text}\`: ${records} were dropped, since ${reason}; write ${keep} to keep them, or ${drop} to drop them without this warning`,
      );
      return;
    }
  }

  #shown(field: NamedField | null): string | null {
    return field === null || isInSecret(field.name, this.#text) ? null : field.name;
  }

  /** Whether it would be kept if missing fields were ignored. */
  async #wouldKeep(record: SourceRecord): Promise<boolean> {
    this.#assuming ??= exactExpression(this.#text, { ...this.#limits, assumePresent: true });
    try {
      return jsonataBoolean(await this.#assuming.evaluate(record));
    } catch {
      // What comes behind the missing field cannot take the record: that is never evaluated, and no reason to refuse it.
      return false;
    }
  }

  #expressionFor(record: SourceRecord): jsonata.Expression {
    if (!this.#alwaysExact && !holdsExact(record)) return this.#plain;
    this.#exact ??= exactExpression(this.#text, this.#limits);
    return this.#exact;
  }
}

/** The field that a deciding part needs; null for a path with conditions. */
interface Needed {
  readonly field: NamedField | null;
  readonly kind: DecidingPart["kind"];
}

function neededBy({ kind, fields, selects }: DecidingPart): Needed[] {
  const named = fields.map((path) => {
    const field = namedField(path);
    if (kind !== "other") return { field, kind };
    // An empty list is a normal case for filters and sums, so it is not reported.
    const isIn = (record: SourceRecord) => field.isIn(record) || Array.isArray(valueAt(record, path));
    return { field: { ...field, isIn }, kind };
  });
  return selects ? [...named, { field: null, kind }] : named;
}

function namedField(path: Path): NamedField {
  return { name: formatPath(path), isIn: (record) => isIn(record, path, 0) };
}

/** As JSONata looks for a field: in every element of a list. */
function isIn(value: unknown, path: Path, depth: number): boolean {
  if (Array.isArray(value)) return value.some((element) => isIn(element, path, depth));
  const step = path[depth];
  if (step === undefined) return value !== undefined;
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return false;
  return isIn(Reflect.get(value, step), path, depth + 1);
}
