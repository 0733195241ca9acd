import type { Path } from "../../model/record.ts";
import { flagOfMore, type MoreSign, signOfMore } from "./more-signs.ts";
import type { CountedPagination } from "./pagination-schema.ts";
import type { PageSeen } from "./walk.ts";

interface Ended {
  /** Whether a declared total came whole. */
  readonly agrees: boolean;
  /** How many pages were read; null where that is not known. */
  readonly pages: number | null;
  readonly pagination: Pick<CountedPagination, "param">;
}

/** What shows on the last page of a read by counted pages that more follows; null where nothing does. */
export function signAtEnd(
  { answer, response }: Pick<PageSeen, "answer" | "response">,
  dataField: Path | null,
  { agrees, pages, pagination }: Ended,
): MoreSign | null {
  const envelope = { body: answer.body, headers: response.headers, dataField };
  // A total of records may count what this read was not asked for; pages are those of the read.
  const shown = signOfMore({ ...envelope, read: { pages, records: null } });
  // Some sources name a next page on every one, also on the last; a declared total that came whole says which it is.
  const isPlace = shown?.kind === "token" || shown?.kind === "address";
  const sign = isPlace && agrees ? flagOfMore(envelope) : shown;
  const isPastEnd =
    answer.records.length === 0 && sign !== null && isOwnPlace(sign, response.url, pagination);
  return isPastEnd ? null : sign;
}

/** Past the last page a source may well give the number of a next one. */
function isOwnPlace(
  { kind, text = "" }: MoreSign,
  url: URL,
  { param }: Pick<CountedPagination, "param">,
): boolean {
  if (kind === "token") return /^\s*\d+\s*$/.test(text);
  return kind === "address" && URL.parse(text, url.href)?.searchParams.has(param) === true;
}
