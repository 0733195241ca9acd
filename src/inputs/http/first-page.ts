import { plainName } from "../../http/failure-values.ts";
import type { SourceRecord } from "../../model/record.ts";
import { exactText } from "./answer-values.ts";
import { previousLink } from "./link-header.ts";
import { allObjects, type Envelope, textOfPlace } from "./more-signs.ts";

/** The request for the first page, and its answer. */
interface Asked {
  /** The page's number, 1 or more, and the parameter that carried it. */
  readonly number: number;
  readonly param: string;
  readonly url: URL;
  /** How many records came. */
  readonly count: number;
}

interface NotFirst {
  /** Names without case and punctuation. */
  readonly names: RegExp;
  readonly says: (value: unknown, asked: Asked, around: SourceRecord) => boolean;
}

/** Fields that show that a page is not the source's first: the source counts from 0, and the read from 1. */
const signs: readonly NotFirst[] = [
  // Spring
  {
    names: /^first$/,
    says: (value, _, { number, page }) =>
      value === false && Number(exactText(number) ?? exactText(page) ?? 0) >= 1,
  },
  { names: /^has(?:previous|prev)(?:page)?$/, says: (value) => value === true || value === "true" },
  // Django, HAL, JSON:API, OData
  {
    names: /^(?:odata)?(?:previous|prev)(?:page)?(?:link|url|uri|href)?$/,
    says: (value, asked) => leadsBack(textOfPlace(value), asked),
  },
  {
    names: /^(?:current|page(?:number|no|index)|currentpage(?:number)?)$/,
    says: (value, { number }) => value === number + 1,
  },
  // Laravel, Jira
  {
    names: /^(?:offset|skip|from|start(?:at|index)?|firstresult)$/,
    says: (value, { count }) => count > 1 && (value === count || value === count + 1),
  },
];

/** The field in the answer to the first request that shows that pages come before it; null where there is none. */
export function signNotFirst(envelope: Omit<Envelope, "read">, asked: Asked): string | null {
  const read = { pages: null, records: null };
  for (const { path, object, header } of allObjects({ ...envelope, read })) {
    for (const [name, value] of Object.entries(object)) {
      const word = plainName(name);
      if (signs.some(({ names, says }) => names.test(word) && says(value, asked, object)))
        return `\`${header ?? [...path, name].join(".")}\``;
    }
  }
  const { headers } = envelope;
  if (leadsBack(previousLink(headers.get("link")), asked)) return "the header `link`";
  const begins = /^[a-z]*[ =]?(\d+)-\d+\//i.exec(headers.get("content-range") ?? "")?.[1];
  return asked.count > 1 && Number(begins) === asked.count ? "the header `content-range`" : null;
}

/** Whether an address leads to a previous page. A number does not count: many sources write 0 where there is none. */
function leadsBack(text: string | null, { number, param, url }: Asked): boolean {
  if (text === null || /^\d*$/.test(text.trim())) return false;
  const page = URL.parse(text, url.href)?.searchParams.get(param) ?? null;
  return page === null || Number(page) < number;
}
