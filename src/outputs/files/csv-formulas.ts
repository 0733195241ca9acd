/**
 * What spreadsheets run as a formula, or cut before they look: a text that begins with `=`, `+`, `-` or `@`, or their
 * wide forms, behind blanks or none, or with a tab or a line end. Apostrophes in front count, so that every
 * text can be told from what is made of another one.
 */
const formula = /^'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])/;
const plainNumber = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The text with an apostrophe in front where a spreadsheet would take it for a formula. */
export function escapeFormula(text: string): string {
  return formula.test(text) && !plainNumber.test(text) ? `'${text}` : text;
}

/** The text that `escapeFormula` was given. */
export function unescapeFormula(text: string): string {
  return text.startsWith("'") && formula.test(text) ? text.slice(1) : text;
}
