/** Enough of a statement to find it by. */
export function excerpt(sql: string): string {
  const line = sql.replace(/\s+/g, " ").trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
