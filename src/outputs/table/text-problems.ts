import type { FieldColumn } from "../../databases/table/column.ts";
import type { SourceRecord } from "../../model/record.ts";

/** Characters that no UTF-8 text can hold, and those that PostgreSQL's texts and JSON cannot. */
export interface TextProblem {
  readonly field: string;
  readonly message: string;
  readonly hint: string;
}

/**
 * The first field with a text, or a nested name, that holds half of a surrogate pair, or U+0000 where the database's
 * texts cannot hold it (`refusesNul`).
 */
export function textProblem(
  record: SourceRecord,
  columns: readonly FieldColumn[],
  refusesNul: boolean,
): TextProblem | null {
  for (const { field } of columns) {
    const found = oddCharacter(record[field], refusesNul);
    if (found === "nul") {
      return {
        field,
        message: "it holds the character U+0000",
        hint: `Take it out in a \`script\` filter, as by text.replaceAll("\\0", "")${typeof record[field] === "string" ? "" : `, or keep the field as text, which holds its escaped form (\`columns: { ${field}: text }\`)`}.`,
      };
    }
    if (found === "half") {
      return {
        field,
        message: "it holds half of a surrogate pair, which no UTF-8 text holds",
        hint: "Fix it in a `script` filter: text.toWellFormed().",
      };
    }
  }
  return null;
}

function oddCharacter(value: unknown, nulCounts: boolean): "nul" | "half" | null {
  if (typeof value === "string") {
    if (nulCounts && value.includes("\0")) return "nul";
    return value.isWellFormed() ? null : "half";
  }
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return null;
  const parts = Array.isArray(value) ? value : Object.entries(value).flat();
  for (const part of parts) {
    const found = oddCharacter(part, nulCounts);
    if (found !== null) return found;
  }
  return null;
}
