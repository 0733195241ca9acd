import type { FilterContext } from "../engine/ports.ts";
import type { SourceRecord } from "../model/record.ts";

/** A field that a filter names, and whether a record has it. */
export interface NamedField {
  readonly name: string;
  readonly isIn: (record: SourceRecord) => boolean;
}

/** Tells which of the named fields the records have. Each is looked for until the first record of the run with it. */
export function noteSeen(
  { account }: FilterContext,
  fields: readonly NamedField[],
  records: readonly SourceRecord[],
): void {
  if (account === undefined || account.seen.size >= fields.length) return;
  for (const { name, isIn } of fields)
    if (!account.seen.has(name) && records.some(isIn)) account.seen.add(name);
}
