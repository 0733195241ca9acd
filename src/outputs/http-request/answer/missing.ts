/** A text in quotes; nothing in it is a comparison. */
const quoted = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g;
/** A field that is said to differ from something. */
const differs = /(?:^|[\s([,{:?])([A-Za-z_][\w.]*)\s*!=/g;

/**
 * The field that an expression says differs from something, without asking whether there is one: JSONata takes
 * `ok != true` for false where `ok` is missing, so that a refusal by it would count as a delivery. Null for none.
 */
export function fieldThatMayBeMissing(expression: string): string | null {
  const code = expression.replace(quoted, '""');
  for (const [, field = ""] of code.matchAll(differs)) {
    if (!code.includes(`$exists(${field})`)) return field;
  }
  return null;
}

export function missingMessage(field: string): string {
  return `\`${field} != …\` is false where an answer has no \`${field}\`, and such an answer would count as delivered: write \`$not(${field} = …)\`, or add \`$exists(${field})\` if that is meant`;
}
