import { z } from "zod";
import { type Cursor, readCursorValue } from "../../../model/cursor.ts";
import type { Position } from "../../../model/position.ts";
import { isoFormat } from "../../../model/timestamp.ts";
import { type BoundParts, type CommitBound, type Subject, Unbounded } from "./bound.ts";
import { columnType, isNumber } from "./column.ts";
import { holdersOf, openTransactions, type Transaction } from "./id-holders.ts";
import { relationsOf, sequencesOf } from "./relation.ts";
import { primaryOnly } from "./standby.ts";
import { isLong, waitUntilNone, warnOfHolder } from "./waiting.ts";

/** The highest id that was seen, and the transactions that may have held a lower one then. */
const observationSchema = z.strictObject({
  upper: z.string(),
  open: z.array(z.string()),
  /** The server's time, for messages. */
  at: z.string(),
});
type Observation = z.infer<typeof observationSchema>;

const noteSchema = z.strictObject({ ids: observationSchema });

/** Below every id that a bigint can hold. */
const lowest: Cursor = { type: "numeric_id", value: "-9223372036854775808" };

type Ask = () => Promise<readonly Transaction[]>;

/**
 * Ends the window at the highest id that was seen, once every transaction has ended that was open
 * after it was seen: a sequence hands out ids in order, so that a lower one which is not yet there can
 * only be held by one of those. Where they do not end soon, the observation is kept with the position,
 * and the window ends at the one kept before, once that has come true.
 */
export class IdBound implements CommitBound {
  readonly #parts: BoundParts;
  #note: string | undefined;

  constructor(parts: BoundParts) {
    this.#parts = parts;
  }

  note(): string | undefined {
    return this.#note;
  }

  async safeUpper(position: Position): Promise<Cursor> {
    const { connection } = this.#parts;
    this.#note = undefined;
    await primaryOnly(connection);
    const upper = await this.#highest(position);
    const here = position.watermark === null ? lowest : cursor(position.watermark);
    const kept = observationIn(position.note);
    if (upper === null) return here;
    const ask = await this.#asks();
    const first = await ask();
    const seen = { upper, open: first.map(({ transaction }) => transaction), at: await this.#now() };
    const known = new Set(seen.open);
    const left = first.length === 0 ? [] : await waitUntilNone(async () => stillOpen(known, await ask()));
    if (left.length === 0) return cursor(upper);
    const keptOpen = kept === null ? left : stillOpen(new Set(kept.open), await ask());
    if (kept !== null && keptOpen.length === 0) {
      this.#keep(seen);
      return cursor(kept.upper);
    }
    this.#keep(kept ?? seen);
    this.#tell(kept ?? seen, seen.at, keptOpen);
    return here;
  }

  #keep(observation: Observation): void {
    this.#note = JSON.stringify({ ids: observation });
  }

  #tell({ at }: Observation, now: string, open: readonly Transaction[]): void {
    const [holder] = open;
    if (holder !== undefined && isLong(at, now)) warnOfHolder(this.#parts.warn, holder.who, at);
  }

  /** The highest id that a read from here would bring; null where it would bring none. */
  async #highest(position: Position): Promise<string | null> {
    const { field, subject } = this.#parts;
    for (let from = position, highest: string | null = null; ; ) {
      const read = await subject(from);
      const found = await this.#highestOf(read, field.path?.[0] ?? "");
      if (found === null || found === highest) return highest;
      highest = found;
      if (!read.inPieces) return highest;
      from = { ...position, watermark: highest };
    }
  }

  async #highestOf({ sql, params, inPieces }: Subject, name: string): Promise<string | null> {
    const { connection, field } = this.#parts;
    const type = await columnType(connection, field, { sql, params, inPieces });
    if (type === null) {
      throw new Unbounded(
        "the id is inside of a column, where the database cannot compare it",
        "Select it as a column of its own.",
      );
    }
    const column = `subject.${connection.dialect.identifier(name)}`;
    const compared = isNumber(type) ? column : `(${column})::text::numeric`;
    const [row] = await connection.query(
      `SELECT max(${compared})::text AS highest FROM (${sql}\n) AS subject`,
      params,
    );
    const highest = row?.highest ?? null;
    return highest === null ? null : readCursorValue("numeric_id", highest, isoFormat);
  }

  /**
   * Who may hold a lower id: where the table's own sequence is known, whoever has taken from it or has
   * written to the table, by their locks; else everybody with a transaction.
   */
  async #asks(): Promise<Ask> {
    const { connection, field, table } = this.#parts;
    const relations = await relationsOf(connection, table);
    const sequences =
      relations === null ? [] : await sequencesOf(connection, relations, field.path?.[0] ?? "");
    return relations === null || sequences.length === 0
      ? () => openTransactions(connection)
      : () => holdersOf(connection, [...relations.oids, ...sequences]);
  }

  async #now(): Promise<string> {
    const [row] = await this.#parts.connection.query("SELECT now() AS now");
    return readCursorValue("timestamp_utc", row?.now, isoFormat);
  }
}

/** One that was prepared before the server was started anew is called by another name since. */
function stillOpen(known: ReadonlySet<string>, now: readonly Transaction[]): Transaction[] {
  return now.filter(({ transaction }) => known.has(transaction) || transaction.startsWith("-1/"));
}

function observationIn(note: string | undefined): Observation | null {
  if (note === undefined) return null;
  try {
    return noteSchema.parse(JSON.parse(note)).ids;
  } catch {
    // What another kind of cursor noted says nothing of ids.
    return null;
  }
}

function cursor(value: string): Cursor {
  return { type: "numeric_id", value };
}
