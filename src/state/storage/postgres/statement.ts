import { hash } from "node:crypto";

/** What a statement can be given. Whole numbers past 2^53 do not occur: the contract counts in numbers. */
export type Value = string | number | null | readonly (string | null)[] | readonly number[];

/** A row as the server sent it: whole numbers as numbers, all else as the server's own text. */
export type Row = Readonly<Record<string, string | number | null>>;

/** A statement that each connection prepares once, under a name that no other text has. */
export interface Statement<P extends string> {
  readonly name: string;
  readonly text: string;
  /** Those of its parameters that the text has, in the order of their numbers. */
  readonly parameters: readonly P[];
}

/**
 * Makes a statement of SQL in which `$name` stands for a parameter. It may be given more than its
 * text asks for.
 *
 * ```ts
 * const rename = statement("rename", ["old", "new"], "UPDATE t SET name = $new WHERE name = $old");
 * await session.run(rename, { old: "a", new: "b" });
 * ```
 */
export function statement<const P extends string>(
  title: string,
  parameters: readonly P[],
  sql: string,
): Statement<P> {
  const used: P[] = [];
  // The server copies the text with every call, so that the layout is not worth its price.
  const text = sql
    .trim()
    .replace(/\s+/g, " ")
    .replace(/\$([a-z_]+)/g, (_, name: string) => {
      const parameter = parameters.find((known) => known === name);
      if (parameter === undefined) throw new Error(`the statement ${title} has no parameter $${name}`);
      if (!used.includes(parameter)) used.push(parameter);
      return `$${used.indexOf(parameter) + 1}`;
    });
  // Callers' connections may also have statements of other schemas and versions.
  return { name: `tidemark_${title}_${hash("sha1", text).slice(0, 12)}`, text, parameters: used };
}

const wholeNumberTypes = new Set([20, 21, 23]);

/** How the columns are read, whatever the connection's own settings or the process's are. */
export const columnTypes = {
  getTypeParser(oid: number): (text: string) => string | number {
    return wholeNumberTypes.has(oid) ? Number : (text: string) => text;
  },
};
