import type { Path } from "../../model/record.ts";
import { flagOfMore, type MoreSign, signOfMore } from "./more-signs.ts";
import type { CountedPagination } from "./pagination-schema.ts";
import type { PageSeen } from "./walk.ts";

interface Ended {
  /** Whether as many records came as a declared total says. */
  readonly agrees: boolean;
  /** How many pages were read; null where that is not known. */
  readonly pages: number | null;
  readonly pagination: Pick<CountedPagination, "param">;
}

/** The sign on the last page of a read by counted pages that more follows; null where there is none. */
export function signAtEnd(
  { answer, response }: Pick<PageSeen, "answer" | "response">,
  dataField: Path | null,
  { agrees, pages, pagination }: Ended,
): MoreSign | null {
  const envelope = { body: answer.body, headers: response.headers, dataField };
  // A total of records may count more than this read requested; a number of pages is that of the read.
  const shown = signOfMore({ ...envelope, read: { pages, records: null } });
  // Some sources name a next page on every page, also on the last; a reached total shows that it is the last.
  const isPlace = shown?.kind === "token" || shown?.kind === "address";
  const sign = isPlace && agrees ? flagOfMore(envelope) : shown;
  const isPastEnd =
    answer.records.length === 0 && sign !== null && isOwnPlace(sign, response.url, pagination);
  return isPastEnd ? null : sign;
}

/** A source may give the number of a next page even past the last one. */
function isOwnPlace(
  { kind, text = "" }: MoreSign,
  url: URL,
  { param }: Pick<CountedPagination, "param">,
): boolean {
  if (kind === "token") return /^\s*\d+\s*$/.test(text);
  return kind === "address" && URL.parse(text, url.href)?.searchParams.has(param) === true;
}
