import { plainName } from "../../http/failure-values.ts";
import { formatPath, isRecord, type SourceRecord } from "../../model/record.ts";
import { exactText } from "./answer-values.ts";
import { type Envelope, signOfMore, signOfRecords } from "./more-signs.ts";

/**
 * Detects whether a repeated page is the source's last one, which some sources (Magento) return for any page past the
 * end: its own page number is lower than the requested one, or a total equals what has been read.
 */
export class LastPageAgain {
  #pages = 0;
  /** The numbers around the records of the page before, and those that rose by one with each page so far. */
  #numbers: ReadonlyMap<string, number> = new Map();
  #counting: ReadonlySet<string> = new Set();

  /** Call with every page, in order, after the check of that page. */
  note({ body, dataField }: Pick<Envelope, "body" | "dataField">): void {
    const numbers = pageNumbers(body, dataField?.[0]);
    const before = this.#numbers;
    this.#counting =
      this.#pages === 0
        ? new Set(numbers.keys())
        : new Set([...this.#counting].filter((at) => numbers.get(at) === (before.get(at) ?? Number.NaN) + 1));
    this.#numbers = numbers;
    this.#pages += 1;
  }

  /**
   * What came before it: the number of different records (null if unknown), and whether pages are requested by number.
   */
  ask(
    envelope: Omit<Envelope, "read">,
    { records, isNumbered }: { readonly records: number | null; readonly isNumbered: boolean },
  ): boolean {
    if (signOfMore({ ...envelope, read: { pages: null, records } }) !== null) return false;
    if (isNumbered && this.#pages > 1 && this.#staysBehind(envelope)) return true;
    return (
      records !== null && signOfRecords({ ...envelope, read: { pages: null, records: records - 1 } }) !== null
    );
  }

  #staysBehind({ body, dataField }: Pick<Envelope, "body" | "dataField">): boolean {
    const numbers = pageNumbers(body, dataField?.[0]);
    return [...this.#counting].some((at) => numbers.get(at) === this.#numbers.get(at));
  }
}

/** The setting that would help, where an answer shows an undeclared total; null where it shows none. */
export function totalInAnswer(envelope: Omit<Envelope, "read">): string | null {
  const sign = signOfRecords({ ...envelope, read: { pages: null, records: 0 } });
  if (sign === null || sign.in === "header") return null;
  return `if \`${sign.at}\` is the number of all records, declare \`totalField: ${sign.at}\`, which would decide it`;
}

/**
 * The warning where a source returned the same records for each request; `would` names the setting that would decide
 * it.
 */
export function sameForEachRequest(count: number, param: string, would: string | null): string {
  const what = count === 1 ? "record" : `${count} records`;
  return `each request brought the same ${what}: they are all, or the source does not page by \`${param}\`; ${would ?? "compare its documentation"}`;
}

const names = /^(?:page|current|current(?:page|index)(?:number|no)?|page(?:number|no|index)|number)$/;

/** The numbers that are page numbers by their names, around the records and one object deep. */
function pageNumbers(body: unknown, listKey: string | undefined): Map<string, number> {
  const found = new Map<string, number>();
  const take = (object: SourceRecord, before: readonly string[]): void => {
    for (const [name, value] of Object.entries(object)) {
      const number = Number(exactText(value) ?? Number.NaN);
      if (names.test(plainName(name)) && Number.isInteger(number))
        found.set(formatPath([...before, name]), number);
    }
  };
  if (!isRecord(body)) return found;
  take(body, []);
  for (const [name, value] of Object.entries(body)) {
    if (isRecord(value) && (name !== listKey || !Array.isArray(value))) take(value, [name]);
  }
  return found;
}
