import { TidemarkError } from "../errors.ts";
import type { SourceRecord } from "../model/record.ts";
import {
  compilePlacedText,
  compileText,
  hasPlaceholder,
  isOnePlaceholder,
  type TextTemplate,
  withoutEscapes,
} from "../templates/template.ts";
import type { HttpSettings } from "./schema.ts";

type Headers = HttpSettings["headers"];

/** The settings' headers that are the same for all requests; the client sends these by itself. */
export function constantHeaders(headers: Headers): Headers {
  const constant = Object.entries(headers).filter(([, value]) => !hasPlaceholder(value));
  return Object.fromEntries(constant.map(([name, value]) => [name, withoutEscapes(value)]));
}

/** What HTTP allows in the value of a header; a line break would begin another header. */
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The other headers, filled from a record, names in lower case; one that is a single placeholder is
 * left out where the record has no value. Throws `RECORD_INVALID` for what no header can hold.
 */
export function compileHeaders(headers: Headers): (record: SourceRecord) => Record<string, string> {
  const compiled = Object.entries(headers)
    .filter(([, value]) => hasPlaceholder(value))
    .map(([name, value]): [string, TextTemplate] => [name.toLowerCase(), compileHeader(name, String(value))]);
  return (record) => {
    const filled: Record<string, string> = {};
    for (const [name, fill] of compiled) {
      const value = fill(record);
      if (value === undefined) continue;
      if (!headerValue.test(value)) {
        throw new TidemarkError(
          "RECORD_INVALID",
          `the header \`${name}\` cannot hold its value: it has a line break, a control character or a letter beyond Latin-1`,
        );
      }
      filled[name] = value;
    }
    return filled;
  };
}

/** A value among others of a `Cookie` header must not end there and begin another. */
function compileHeader(name: string, template: string): TextTemplate {
  if (name.toLowerCase() !== "cookie" || isOnePlaceholder(template)) return compileText(template);
  return compilePlacedText(template, () => cookieValue);
}

function cookieValue(value: string): string {
  if (!/[\s;,"\\]/.test(value)) return value;
  throw new TidemarkError(
    "RECORD_INVALID",
    "a cookie cannot hold its value: it has a blank, a quote, a comma, a semicolon or a backslash",
  );
}
