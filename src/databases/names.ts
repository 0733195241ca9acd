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
  return writtenNameParts(name).map(({ text }) => text);
}

/** One part of a table's name, and whether it was written in quotes. */
interface WrittenPart {
  readonly text: string;
  readonly isQuoted: boolean;
}

/** As `tableNameParts`; a text that is no such name is one part as it is. */
export function writtenNameParts(name: string): readonly WrittenPart[] {
  const whole = [{ text: name, isQuoted: false }];
  const parts: WrittenPart[] = [];
  const part = /"((?:[^"]|"")*)"|([^."]+)/y;
  let at = 0;
  while (at < name.length) {
    part.lastIndex = at;
    const match = part.exec(name);
    if (match === null) return whole;
    const [, inQuotes, bare = ""] = match;
    parts.push(
      inQuotes === undefined
        ? { text: bare, isQuoted: false }
        : { text: inQuotes.replaceAll('""', '"'), isQuoted: true },
    );
    at = part.lastIndex;
    if (at < name.length) {
      if (name[at] !== "." || at + 1 === name.length) return whole;
      at++;
    }
  }
  return parts;
}

/** The name that `tableNameParts` cuts into these parts, in quotes only where it has to be. */
export function writtenName(parts: readonly string[]): string {
  return parts.map((part) => (/^[^."*!\s]+$/.test(part) ? part : quoted(part))).join(".");
}
