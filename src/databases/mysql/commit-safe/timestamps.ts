import { type Cursor, compareCursorValues, floorCursor, stepCursor } from "../../../model/cursor.ts";
import type { Position } from "../../../model/position.ts";
import { parsePrecision } from "../../../model/precision.ts";
import { isLong, warnOfHolder } from "../../commit-safe/waiting.ts";
import { endOfDates, endOfTimes } from "../../commit-safe/window-ends.ts";
import type { BoundParts, CommitBound } from "../../port.ts";
import { checkMysql, openMysqlTransactions } from "./sessions.ts";

const second = parsePrecision("1s");
const earliest: Cursor = { type: "timestamp_utc", value: "0001-01-01T00:00:00Z" };

/**
 * Ends the window before the start of the oldest transaction that may still write: `NOW()` is the start
 * of a statement, and no statement begins before its transaction. It ends a second before the present
 * at the latest, since the server renews its list of transactions ten times a second at most, and what
 * is in a column may be rounded to a second.
 */
export class MysqlTimestampBound implements CommitBound {
  readonly #parts: BoundParts;
  #isDate: boolean | undefined;
  #readsPast = false;

  constructor(parts: BoundParts) {
    this.#parts = parts;
  }

  note(): undefined {}

  get readsPast(): boolean {
    return this.#readsPast;
  }

  async safeUpper(position: Position): Promise<Cursor> {
    this.#readsPast = false;
    const { connection, warn } = this.#parts;
    await checkMysql(connection);
    const { observed, open } = await openMysqlTransactions(connection);
    const [stuck] = open.filter(({ detached }) => detached);
    if (stuck !== undefined) {
      if (isLong(stuck.since, observed)) warnOfHolder(warn, stuck.who, stuck.since);
      // After a restart nobody knows when it began; below here nothing was open when it did.
      return position.watermark === null ? earliest : { type: "timestamp_utc", value: position.watermark };
    }
    let moment = stepCursor("timestamp_utc", observed, second, -1);
    for (const { since, who } of open) {
      if (isLong(since, observed)) warnOfHolder(warn, who, since);
      if (compareCursorValues("timestamp_utc", since, moment) < 0) moment = since;
    }
    this.#isDate ??= await this.#holdsDates(position);
    const end = this.#isDate
      ? endOfDates(moment)
      : endOfTimes(floorCursor("timestamp_utc", moment, second), this.#parts.field);
    this.#readsPast = end.readsPast;
    return { type: "timestamp_utc", value: end.upper };
  }

  async #holdsDates(position: Position): Promise<boolean> {
    const { connection, field, subject } = this.#parts;
    const { sql } = await subject(position);
    const [type] = await connection.parameterTypes(sql, [field.path?.[0] ?? null]);
    return type === "date";
  }
}
