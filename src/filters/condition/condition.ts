import jsonata from "jsonata";
import type { FilterContext } from "../../engine/ports.ts";
import { jsonataBoolean } from "../../model/jsonata-boolean.ts";
import { formatPath, type Path, type SourceRecord } from "../../model/record.ts";
import type { NamedField } from "../seen-fields.ts";
import { exactExpression, type JsonataOptions, needsExactness } from "./exact-expression.ts";
import { holdsExact } from "./exact-values.ts";
import { comparedFields, decidingComparisons } from "./syntax.ts";

/** A condition over records: a JSONata expression, evaluated as it is where that is exact, and else exactly. */
export class Condition {
  readonly #text: string;
  readonly #limits: JsonataOptions;
  readonly #plain: jsonata.Expression;
  readonly #alwaysExact: boolean;
  #exact: jsonata.Expression | null = null;
  #assuming: jsonata.Expression | null = null;
  /** Fields that a deciding comparison needs, and whether by `!=`, of which one expects the opposite. */
  readonly #needed: readonly { readonly field: NamedField; readonly surprises: boolean }[];
  /** Fields that the expression compares. */
  readonly fields: readonly NamedField[];

  constructor(text: string, limits: JsonataOptions) {
    this.#text = text;
    this.#limits = limits;
    this.#plain = jsonata(text, limits);
    const tree = this.#plain.ast();
    this.#alwaysExact = needsExactness(text, tree);
    this.fields = comparedFields(tree).map(namedField);
    this.#needed = decidingComparisons(tree).flatMap(({ operator, fields }) =>
      fields.map((path) => ({ field: namedField(path), surprises: operator === "!=" })),
    );
  }

  async isTrueOf(record: SourceRecord): Promise<boolean> {
    return jsonataBoolean(await this.#expressionFor(record).evaluate(record));
  }

  /** To be called for a record that is dropped: says where that is only for want of a field that is compared. */
  async tellMissing(record: SourceRecord, { account, warn }: FilterContext): Promise<void> {
    const missing = this.#needed.filter(({ field }) => !field.isIn(record));
    if (missing.length === 0) return;
    this.#assuming ??= exactExpression(this.#text, { ...this.#limits, assumePresent: true });
    if (!jsonataBoolean(await this.#assuming.evaluate(record))) return;
    account?.missedField();
    const surprising = missing.find(({ surprises }) => surprises);
    if (surprising === undefined) return;
    const { name } = surprising.field;
    warn(
      "FIELD_MISSING",
      `condition \`${this.#text}\`: records without \`${name}\` were dropped, since JSONata's != is false where a side is missing; write $not(… = …) to keep them, or $exists(${name}) and … to drop them without this warning`,
    );
  }

  #expressionFor(record: SourceRecord): jsonata.Expression {
    if (!this.#alwaysExact && !holdsExact(record)) return this.#plain;
    this.#exact ??= exactExpression(this.#text, this.#limits);
    return this.#exact;
  }
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
