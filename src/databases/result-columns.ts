import { TidemarkError } from "../errors.ts";
import type { StreamOptions } from "./port.ts";

/** Looks at a result's columns before its rows are read. */
export function checkColumns(names: readonly string[], onColumns: StreamOptions["onColumns"]): void {
  assertNamesDiffer(names);
  onColumns?.(names);
}

/** Two columns of one name would leave the record with one of them, chosen by chance. */
function assertNamesDiffer(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw new TidemarkError("QUERY_FAILED", `the query gives two columns named \`${name}\``, {
        hint: `Name one of them otherwise: … AS other_${name}.`,
      });
    }
    seen.add(name);
  }
}
