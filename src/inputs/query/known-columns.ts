import type { Incremental } from "../../engine/ports.ts";
import { formatPath, type Path } from "../../model/record.ts";
import { unknownField } from "../../model/unknown-field.ts";

type Fields = Pick<Incremental, "cursors" | "key">;

interface Looked {
  /** Where the columns are: `the columns of the table events`. */
  readonly where: string;
  /** Whether names are compared without their case. */
  readonly anyCase: boolean;
  /** Further names that the database accepts. */
  readonly besides?: readonly string[];
}

/**
 * Throws `FIELD_UNKNOWN` for a field of the cursor or the key that is not among the columns: every record would
 * otherwise be read without a cursor, or without a key. A dotted field is a column of that name, or a path into a JSON
 * column.
 */
export function requireColumns(
  names: readonly string[],
  { cursors, key }: Fields,
  { where, anyCase, besides = [] }: Looked,
): void {
  const plain = (name: string): string => (anyCase ? name.toLowerCase() : name);
  const known = new Set([...names, ...besides].map(plain));
  const requireOne = (role: string, path: Path | null): void => {
    if (path === null || known.has(plain(formatPath(path))) || known.has(plain(path[0] ?? ""))) return;
    throw unknownField({ role, field: formatPath(path), where, names });
  };
  for (const { path } of cursors) requireOne("cursor", path);
  for (const path of key ?? []) requireOne("key", path);
}
