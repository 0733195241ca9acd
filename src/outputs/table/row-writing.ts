import type { SqlConnection } from "../../databases/port.ts";
import type { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import { type CarefulParts, CarefulWriting } from "./careful-writing.ts";
import { readSpill, type Spill } from "./spills.ts";

interface WritingParts extends CarefulParts {
  readonly connection: SqlConnection;
}

/** What a commit writes: what waits outside memory, and then what is held in it. */
interface Rows {
  readonly spills: readonly Spill[];
  readonly held: readonly SourceRecord[];
}

/** Writes all rows in as few statements as can be. Returns how many of them the table left out. */
export async function writeAll(
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
 * Writes those rows that the table takes. Returns how many of them it does not hold then. `first` is what the
 * database said to all of them together.
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
  // Records made of rows only serve to find the one at fault.
  if (isApproximate && first !== undefined) throw first;
  return writing.refused + writing.leftOut;
}

/** What a run is told of a table that takes a statement and leaves out some of its rows. */
export function rowsLeftOut(table: string): string {
  return `the table ${table} left out rows that were written to it, as a trigger, a rule or a conflict clause of its own does; they do not count as written. Let it raise an error instead, so that \`onError\` keeps the records`;
}
