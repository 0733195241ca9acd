import { ExactNumber } from "../model/exact-number.ts";
import { isRecord, type SourceRecord } from "../model/record.ts";

/** A name without case and punctuation. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

/** Whether the value of a field such as `success` means failure. */
export function saysNo(value: unknown): boolean {
  return (
    value === false || value === 0 || (typeof value === "string" && /^\s*(?:false|no|0)\s*$/i.test(value))
  );
}

const countNames =
  /^(?:fail(?:ed|ures?)?|errors?|skipped|ignored|duplicates?|total|count|created|updated|inserted|processed|received)$/;

/** Whether a number under a name such as `success` only counts: `success: 0, failed: 0`. */
export function isCount(value: unknown, around: SourceRecord): boolean {
  if (typeof value !== "number") return false;
  return Object.entries(around).some(
    ([name, other]) => typeof other === "number" && countNames.test(plainName(name)),
  );
}

const harmlessText = /^(?:0*|-+|false|no|none|null|nil|n\/?a|ok|success|no errors?)$/i;

/** Whether the value of a field such as `errors` reports any: `[]`, `0`, `"none"` and `{ code: 0 }` do not. */
export function isSet(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === "boolean") return value;
  if (typeof value === "number" || value instanceof ExactNumber) return Number(value) !== 0;
  if (typeof value === "string") return !harmlessText.test(value.trim());
  if (Array.isArray(value)) return value.some((element) => element !== null);
  if (!isRecord(value)) return false;
  if ((value.code ?? "") !== "") return isSet(value.code) && Number(value.code) !== 200;
  return Object.values(value).some(isSet);
}

const mildSeverity =
  /^(?:warn(?:ing)?s?|info(?:rmation(?:al)?)?|notice|hint|debug|trace|low|deprecat(?:ed|ion)s?)$/i;

/** Whether each element of a list says by its severity that it is no failure: `errors: [{ severity: "WARNING" }]`. */
export function areWarnings(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.every((one) => {
    if (!isRecord(one)) return false;
    const { extensions } = one;
    const said = one.severity ?? one.level ?? (isRecord(extensions) ? extensions.severity : undefined);
    return typeof said === "string" && mildSeverity.test(said.trim());
  });
}
