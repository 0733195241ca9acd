import { deepestNesting, endOfString } from "./json-scan.ts";

const quote = 34;
const openList = 91;
const closeList = 93;
const openObject = 123;
const closeObject = 125;

/**
 * The first name that one object of a JSON text has twice, as it is written there; null where there is none.
 * `JSON.parse` keeps the last of the values and drops the others. One pass: the time grows with the length, whatever
 * the text holds. For a text that is not JSON, or is too deeply nested, the result is meaningless.
 */
export function repeatedKey(json: string): string | null {
  /** The names of each object that is open; null for a list. */
  const open: (Set<string> | null)[] = [];
  let at = 0;
  while (at < json.length) {
    const code = json.charCodeAt(at);
    if (code === quote) {
      const end = endOfString(json, at);
      const names = open.at(-1) ?? null;
      if (names !== null && isBeforeColon(json, end)) {
        const written = json.slice(at, end);
        const name = nameOf(written);
        if (names.has(name)) return written;
        names.add(name);
      }
      at = end;
      continue;
    }
    at++;
    if (code === openObject) open.push(new Set());
    else if (code === openList) open.push(null);
    else if (code === closeObject || code === closeList) open.pop();
    if (open.length > deepestNesting) return null;
  }
  return null;
}

/** Whether a colon comes next, behind white space that JSON allows. */
function isBeforeColon(json: string, from: number): boolean {
  let at = from;
  for (;;) {
    const character = json[at];
    if (character === ":") return true;
    if (character !== " " && character !== "\n" && character !== "\r" && character !== "\t") return false;
    at++;
  }
}

/** Two spellings of one name are the same name. */
function nameOf(written: string): string {
  if (!written.includes("\\")) return written.slice(1, -1);
  try {
    return String(JSON.parse(written));
  } catch {
    return written;
  }
}
