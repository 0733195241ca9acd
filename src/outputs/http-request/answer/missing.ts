/** A text in quotes; nothing in it is a comparison. */
const quoted = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g;
/** A field that is compared with `!=`. */
const differs = /(?:^|[\s([,{:?])([A-Za-z_][\w.]*)\s*!=/g;

/**
 * The field that an expression compares with `!=` without checking that it exists. In JSONata `ok != true` is false
 * where `ok` is missing, so a refusal would count as a delivery. Null for none.
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
