/**
 * Texts that spreadsheets run as a formula: they begin with `=`, `+`, `-` or `@`, or their wide forms, possibly after
 * blanks, or with a tab or a line end. Texts with leading apostrophes match too, so that escaping can be undone without
 * ambiguity.
 */
const formula = /^'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])/;
const plainNumber = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The text, with a leading apostrophe where a spreadsheet would read it as a formula. */
export function escapeFormula(text: string): string {
  return formula.test(text) && !plainNumber.test(text) ? `'${text}` : text;
}

/** Undoes `escapeFormula`. */
export function unescapeFormula(text: string): string {
  return text.startsWith("'") && formula.test(text) ? text.slice(1) : text;
}
