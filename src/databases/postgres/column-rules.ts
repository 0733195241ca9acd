import type { ColumnKind } from "../port.ts";
import type { FieldColumn } from "../table/column.ts";
import { type ColumnRules, type Takes, takesEverything } from "../table/store.ts";
import { kindOfValue, strictlyWidened } from "../table/values.ts";
import { postgresDialect } from "./dialect.ts";
import { postgresCheck } from "./value-checks.ts";

/** The server cuts longer names, so that two fields could become one column. */
const longestName = 63;

const systemColumns = new Set(["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"]);

/**
 * In PostgreSQL a column holds one type. Integers grow into `numeric`, which keeps every digit, and
 * where texts meet numbers or booleans the column becomes text. Text and JSON hold everything. Columns of dates, times
 * and bytes are made only where the source has such a column, and the server checks their values.
 */
export const postgresRules: ColumnRules = {
  typeOf: postgresDialect.columnType,
  declaredFor: postgresDialect.columnType,
  kindFor: kindOfValue,

  widened(column: FieldColumn, value: unknown): ColumnKind | null {
    return strictlyWidened(column, kindOfValue(value, column.field));
  },

  takes(column: FieldColumn): Takes {
    switch (column.kind) {
      case "boolean":
        return { everything: false, strings: false, integers: false, fractions: false, booleans: true };
      case "integer":
        return { everything: false, strings: false, integers: true, fractions: false, booleans: false };
      case "decimal":
      case "float":
        return { everything: false, strings: false, integers: true, fractions: true, booleans: false };
      default:
        return takesEverything;
    }
  },

  checkOf: postgresCheck,

  fold: (name) => name,

  keepsKindsApart: ({ kind }) => kind === "json",
  refusesNul: true,
  dropsBlanks: ({ declared = "" }) => /^(?:character(?! varying)|bpchar)/.test(declared),

  nameProblem(name: string): string | null {
    if (name === "") return "it is empty";
    if (name.includes("\0")) return "it holds a NUL character";
    if (!name.isWellFormed()) return "it holds half of a surrogate pair";
    if (systemColumns.has(name)) return "PostgreSQL has a column of its own by that name";
    const length = Buffer.byteLength(name);
    return length > longestName ? `it has ${length} bytes, and PostgreSQL keeps ${longestName}` : null;
  },
};
