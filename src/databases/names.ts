/** A name in the quotes of standard SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A name already in quotes is one part, so that a table with a dot in its name can be named. */
export function quotedParts(name: string): string {
  return tableNameParts(name).map(quoted).join(".");
}

/**
 * The parts of a table's name as people write it: `schema.table` has two, `"odd.name"` is one.
 */
export function tableNameParts(name: string): string[] {
  const parts: string[] = [];
  const part = /"((?:[^"]|"")*)"|([^."]+)/y;
  let at = 0;
  while (at < name.length) {
    part.lastIndex = at;
    const match = part.exec(name);
    if (match === null) return [name];
    parts.push(match[1] === undefined ? (match[2] ?? "") : match[1].replaceAll('""', '"'));
    at = part.lastIndex;
    if (at < name.length) {
      if (name[at] !== "." || at + 1 === name.length) return [name];
      at++;
    }
  }
  return parts;
}
