import type { SqlConnection } from "../../databases/port.ts";
import type { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import { type CarefulParts, CarefulWriting } from "./careful-writing.ts";
import { readSpill, type Spill } from "./spills.ts";

interface WritingParts extends CarefulParts {
  readonly connection: SqlConnection;
}

/** The records of a commit: first those in the temporary table, then those in memory. */
interface Rows {
  readonly spills: readonly Spill[];
  readonly held: readonly SourceRecord[];
}

/** Writes all rows in as few statements as possible. Returns how many of them the table left out. */
export async function writeRows(
  { store, connection, target }: WritingParts,
  { spills, held }: Rows,
): Promise<number> {
  let leftOut = 0;
  for (const place of spills) {
    if (store.movesWhole(target)) leftOut += await store.moveWaiting(place.waiting, target);
    else
      for await (const records of readSpill(connection, place))
        leftOut += await store.insert(target, records);
  }
  return leftOut + (await store.insert(target, held));
}

/**
 * Writes the rows that the table accepts. Returns how many rows it does not hold. `first` is the database's error for
 * all of them together.
 */
export async function writeCarefully(
  parts: WritingParts,
  { spills, held }: Rows,
  first: TidemarkError | undefined,
): Promise<number> {
  const writing = new CarefulWriting(parts);
  let isApproximate = false;
  for (const place of spills) {
    isApproximate ||= !place.keepsRecords;
    for await (const records of readSpill(parts.connection, place)) await writing.write(records);
  }
  await writing.write(held);
  await writing.finish();
  // Records rebuilt from rows only serve to find the faulty one.
  if (isApproximate && first !== undefined) throw first;
  return writing.refused + writing.leftOut;
}

/** The warning for a table that accepts a statement and leaves out some of its rows. */
export function rowsLeftOut(table: string): string {
  return `the table ${table} left out rows that were written to it, as a trigger, a rule or a conflict clause of its own does; they do not count as written. Let it raise an error instead, so that \`onError\` keeps the records`;
}
