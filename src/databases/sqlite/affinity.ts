/** The conversion that SQLite applies to values of a column, by its declared type. */
export type Affinity = "integer" | "text" | "none" | "real" | "numeric";

/** SQLite's own rules, in its own order. */
export function affinityOf(declared: string): Affinity {
  const type = declared.toUpperCase();
  if (type.includes("INT")) return "integer";
  if (/CHAR|CLOB|TEXT/.test(type)) return "text";
  if (type === "" || type.includes("BLOB")) return "none";
  if (/REAL|FLOA|DOUB/.test(type)) return "real";
  return "numeric";
}
