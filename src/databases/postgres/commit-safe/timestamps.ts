import { type Cursor, compareCursorValues, readCursorValue } from "../../../model/cursor.ts";
import type { Position } from "../../../model/position.ts";
import { isoFormat } from "../../../model/timestamp.ts";
import { isLong, waitUntilNone, warnOfHolder } from "../../commit-safe/waiting.ts";
import { endOfDates, endOfTimes } from "../../commit-safe/window-ends.ts";
import type { BoundParts, CommitBound } from "../../port.ts";
import { relationsOf } from "../relations.ts";
import type { PostgresSession } from "../session.ts";
import { type ColumnType, columnType, earliestStored, isDate } from "./column.ts";
import { type PreparedTransaction, preparedTransactions } from "./prepared.ts";
import { oldest, openSessions } from "./sessions.ts";
import { primaryOnly } from "./standby.ts";

const earliest: Cursor = { type: "timestamp_utc", value: "0001-01-01T00:00:00Z" };

/**
 * Ends the window before the start of the oldest transaction that may still write. Its rows have the time of its start
 * (`now()`) or a later one, and transactions that begin later have later times.
 *
 * A prepared transaction's start is not known, so the run waits for it. If it stays open, the watermark does not move,
 * since it lies below every transaction that was open before.
 */
export class TimestampBound implements CommitBound {
  readonly #parts: BoundParts;
  readonly #session: PostgresSession;
  #column: ColumnType | null | undefined;
  #readsPast = false;

  constructor(session: PostgresSession, parts: BoundParts) {
    this.#session = session;
    this.#parts = parts;
  }

  note(): undefined {}

  get readsPast(): boolean {
    return this.#readsPast;
  }

  async safeUpper(position: Position): Promise<Cursor> {
    this.#readsPast = false;
    const { connection, table, field, subject, warn } = this.#parts;
    await primaryOnly(connection);
    this.#column ??= await columnType(this.#session, field, await subject(position));
    const relations = await relationsOf(connection, table);
    const open = await openSessions(connection);
    // Asked for after the sessions: one that is being prepared now is in one list or the other.
    const prepared = await waitForThese(() => preparedTransactions(connection, relations));
    const [stuck] = prepared;
    if (stuck !== undefined) {
      if (isLong(canonical(stuck.since), open.observed)) warnOfHolder(warn, stuck.who, stuck.since);
      return position.watermark === null ? earliest : { type: "timestamp_utc", value: position.watermark };
    }
    const first = oldest(open);
    const moment = first === null ? open.observed : earlier(first.since, open.observed);
    if (first !== null && isLong(first.since, open.observed)) warnOfHolder(warn, first.who, first.since);
    const end = isDate(this.#column)
      ? endOfDates(moment)
      : endOfTimes(earliestStored(moment, field, this.#column), field);
    this.#readsPast = end.readsPast;
    return { type: "timestamp_utc", value: end.upper };
  }
}

/** Those that are prepared meanwhile were open before, and so are among the sessions. */
async function waitForThese(
  ask: () => Promise<PreparedTransaction[]>,
): Promise<readonly PreparedTransaction[]> {
  let these: ReadonlySet<string> | null = null;
  return waitUntilNone(async () => {
    const now = await ask();
    const wanted = these ?? new Set(now.map(({ transaction }) => transaction));
    these = wanted;
    return now.filter(({ transaction }) => wanted.has(transaction));
  });
}

function canonical(time: string): string {
  return readCursorValue("timestamp_utc", time, isoFormat);
}

function earlier(a: string, b: string): string {
  return compareCursorValues("timestamp_utc", a, b) <= 0 ? a : b;
}
