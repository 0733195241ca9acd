import type { HttpResponse } from "../../http/message.ts";
import type { SourceRecord } from "../../model/record.ts";
import { describeSign, type Envelope, signOfMore, sizeSign, vagueSignOfMore } from "./more-signs.ts";

/** Parameters for the number of records in an answer. */
const sizeNames =
  /^(?:limit|\$?top|rows|take|size|count|(?:max|page|per)[_-]?(?:results?|records|items|size|page|limit)|page\[(?:size|limit)\])$/i;

/**
 * Why more may follow an answer that is read without paging, for messages; null where nothing shows it. `url` is the
 * request's; `isFollowed`: records are read by a cursor, so that a missing one would be lost.
 */
export function warningOfOnlyPage(
  envelope: Pick<Envelope, "body" | "headers" | "dataField">,
  records: readonly SourceRecord[],
  { status, url }: Pick<HttpResponse, "status" | "url">,
  isFollowed: boolean,
): string | null {
  const count = records.length;
  const whole = { ...envelope, read: { pages: 1, records: count } };
  const sign = signOfMore(whole) ?? (count > 0 ? vagueSignOfMore(whole) : null);
  if (sign !== null) return describeSign(sign);
  if (status === 206) return "its status 206 says that it is a part of the whole";
  if (!isFollowed || count <= 1) return null;
  const name = sizeAsked(url, count);
  if (name === null) {
    const size = sizeSign(envelope, count);
    return size === null ? null : `it has the ${count} records that it says in \`${size}\` to hold at most`;
  }
  return `it has the ${count} records that \`${name}\` asks for at most`;
}

function sizeAsked({ searchParams }: URL, count: number): string | null {
  for (const [name, value] of searchParams) if (sizeNames.test(name) && value === String(count)) return name;
  return null;
}
