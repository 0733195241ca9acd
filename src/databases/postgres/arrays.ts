/**
 * Reads the text form of a PostgreSQL array, `{1,NULL,"a b",{2}}`, into nested JavaScript arrays;
 * `element` turns the text of an element into its value.
 */
export function parseArray(text: string, element: (text: string) => unknown): unknown[] {
  // Bounds that do not start at 1 come first: `[0:1]={…}`.
  let at = text.startsWith("[") ? text.indexOf("=") + 1 : 0;
  return read();

  function read(): unknown[] {
    const items: unknown[] = [];
    at++;
    while (at < text.length && text[at] !== "}") {
      if (text[at] === ",") at++;
      else if (text[at] === "{") items.push(read());
      else if (text[at] === '"') items.push(element(quoted()));
      else items.push(bare());
    }
    at++;
    return items;
  }

  function quoted(): string {
    let value = "";
    for (at++; at < text.length && text[at] !== '"'; at++) {
      if (text[at] === "\\") at++;
      value += text[at];
    }
    at++;
    return value;
  }

  function bare(): unknown {
    const start = at;
    while (at < text.length && text[at] !== "," && text[at] !== "}") at++;
    const value = text.slice(start, at);
    return value === "NULL" ? null : element(value);
  }
}

/** One element of an array's text form, quoted, so that it is never read as `NULL` or as syntax. */
export function quotedElement(text: string): string {
  return special.test(text) ? `"${text.replace(specials, "\\$&")}"` : `"${text}"`;
}

const special = /["\\]/;
const specials = /["\\]/g;
