import { plainName } from "../../http/failure-values.ts";
import { isRecord, type Path, type SourceRecord, valueAt } from "../../model/record.ts";
import { exactText } from "./answer-values.ts";
import { allObjects, type Envelope } from "./more-signs.ts";

const totals =
  /^(?:odata)?(?:total|count|(?:total|result|results|record|records|item|items)count|total(?:results|items|records|elements|hits|size|rows)|num(?:found|results)|nbhits|recordsfiltered)$/;

/** Whether an answer shows a total of 0 in the usual fields, and no higher total. */
export function showsZero(envelope: Omit<Envelope, "read">): boolean {
  let isZero = false;
  for (const { object } of allObjects({ ...envelope, read: { pages: null, records: null } })) {
    for (const [name, value] of Object.entries(object)) {
      if (!totals.test(plainName(name))) continue;
      const shown = exactText(value) ?? exactText(valueAt(value, ["value"]));
      if (shown === null || shown.trim() === "") continue;
      if (Number(shown) !== 0) return false;
      isZero = true;
    }
  }
  return isZero;
}

/** Objects and lists next to the records that never hold records. */
const asides =
  /^(?:links?|meta(?:data)?|page(?:able|info)?|paging(?:info)?|pagination|paginator|pager|cursors?|response(?:metadata|header)?|request|sort|warnings?)$/;

/** Whether an answer without its list holds something else that may be the records: a list, or a non-empty object. */
export function holdsOther(body: SourceRecord, way: Path): boolean {
  const [step, ...rest] = way;
  return Object.entries(body).some(([name, value]) => {
    if (name === step && isRecord(value)) return holdsOther(value, rest);
    if (asides.test(plainName(name)) || totals.test(plainName(name))) return false;
    if (Array.isArray(value)) return true;
    return isRecord(value) && exactText(value) === null && Object.keys(value).length > 0;
  });
}
