import { writtenNameParts } from "../../../databases/names.ts";

/** How a database compares the names of tables. */
export interface TableNaming {
  /** The schemas in which a name without one is looked for; a pattern without one stands for tables of the first. */
  readonly searchPath: readonly string[];
  /** Whether names are compared without their case. */
  readonly foldsNames: boolean;
}

/** The names that a pattern is compared with. */
interface PlacedName {
  readonly schema: string;
  readonly name: string;
}

/** `public.*`, `tmp_*`: `*` stands for any run of characters inside one part, also for none. */
export interface TablePattern {
  /** Null where the pattern names no schema: it is then the first one of the search path. */
  readonly schema: Wildcard | null;
  readonly name: Wildcard;
}

/** What stands between the stars; without a star there is one text. */
type Wildcard = readonly string[];

/** Whether a text is a pattern: it has a `*` that is not in quotes. */
export function isTablePattern(text: string): boolean {
  return writtenNameParts(text).some((part) => wildcardOf(part).length > 1);
}

/**
 * The pattern that a text is, which may name one table by itself; null for a text with more than two parts, or with
 * none. A part in double quotes is taken letter by letter, and so is a `*` in it.
 */
export function parseTablePattern(text: string): TablePattern | null {
  const [first, second, ...more] = writtenNameParts(text).map(wildcardOf);
  if (first === undefined || more.length > 0) return null;
  return second === undefined ? { schema: null, name: first } : { schema: first, name: second };
}

/** Whether the pattern stands for the table. */
export function matchesTable(pattern: TablePattern, table: PlacedName, naming: TableNaming): boolean {
  const { searchPath, foldsNames } = naming;
  const isFit = (wildcard: Wildcard, name: string): boolean =>
    foldsNames
      ? fits(
          wildcard.map((text) => text.toLowerCase()),
          name.toLowerCase(),
        )
      : fits(wildcard, name);
  const inSchema =
    pattern.schema === null ? table.schema === searchPath[0] : isFit(pattern.schema, table.schema);
  return inSchema && isFit(pattern.name, table.name);
}

function wildcardOf({ text, isQuoted }: { readonly text: string; readonly isQuoted: boolean }): Wildcard {
  return isQuoted ? [text] : text.split("*");
}

/** Takes each text at its first place behind the one before, which finds a match wherever there is one. */
function fits(wildcard: Wildcard, name: string): boolean {
  const [first = "", ...rest] = wildcard;
  const last = rest.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  const end = name.length - last.length;
  let at = first.length;
  for (const text of rest) {
    const found = name.indexOf(text, at);
    if (found === -1) return false;
    at = found + text.length;
  }
  return at <= end;
}
