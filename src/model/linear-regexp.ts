import { RE2JS } from "re2js";

/**
 * A regular expression whose time grows with the length of the text and no faster, whatever it says: RE2 has no
 * backtracking. It reads JavaScript's syntax, without what needs backtracking, and matches by code points.
 */

const spaces =
  "\\t\\n\\v\\f\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}";
const otherThanSpaces =
  "\\x00-\\x08\\x0e-\\x1f!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}";
const anyInLine = "[^\\n\\r\\x{2028}\\x{2029}]";

const unsupported: readonly (readonly [syntax: RegExp, name: string])[] = [
  [/^\(\?<?[=!]/, "looks ahead or behind"],
  [/^\\(?:[1-9]|k<)/, "refers back to a group"],
];

/**
 * As far as `exec` goes, what a `RegExp` with the flag `g` is. Throws a `SyntaxError` for a pattern that takes
 * backtracking, or is too large.
 */
export class LinearRegExp extends RegExp {
  readonly #compiled: RE2JS;

  /** Takes the flags `i` and `m` into account. */
  constructor(regex: RegExp) {
    super(regex.source, regex.flags);
    this.#compiled = compiled(regex);
  }

  override exec(text: string): RegExpExecArray | null {
    const matcher = this.#compiled.matcher(text);
    if (this.lastIndex > text.length || !matcher.find(this.lastIndex)) {
      this.lastIndex = 0;
      return null;
    }
    this.lastIndex = matcher.end();
    const found: [string, ...string[]] = [matcher.group(0) ?? ""];
    // A group that took no part stays a hole, and reads as undefined.
    found.length = matcher.groupCount() + 1;
    for (let n = 1; n < found.length; n++) {
      const group = matcher.group(n);
      if (group !== null) found[n] = group;
    }
    return Object.assign(found, { index: matcher.start(), input: text });
  }
}

const known = new WeakMap<RegExp, RE2JS>();

function compiled(regex: RegExp): RE2JS {
  const before = known.get(regex);
  if (before !== undefined) return before;
  const { pattern, needs } = translate(regex.source);
  if (needs !== null) throw new SyntaxError(`/${regex.source}/ ${needs}, which can take time without end`);
  const flags = (regex.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) | (regex.multiline ? RE2JS.MULTILINE : 0);
  let made: RE2JS;
  try {
    made = RE2JS.compile(RE2JS.translateRegExp(pattern), flags);
  } catch (error) {
    throw new SyntaxError(error instanceof Error ? error.message : String(error), { cause: error });
  }
  known.set(regex, made);
  return made;
}

/** The same pattern with JavaScript's meaning of `.`, `\s` and `\S`, where RE2 has another. */
function translate(source: string): { readonly pattern: string; readonly needs: string | null } {
  let pattern = "";
  let inClass = false;
  for (let at = 0; at < source.length; at++) {
    const character = source.charAt(at);
    if (!inClass) {
      const rest = source.slice(at, at + 4);
      const [, needs] = unsupported.find(([syntax]) => syntax.test(rest)) ?? [];
      if (needs !== undefined) return { pattern, needs };
    }
    if (character === "\\") {
      at++;
      pattern += escaped(source.charAt(at), inClass);
    } else if (!inClass && character === ".") pattern += anyInLine;
    else {
      if (character === "[") inClass = true;
      else if (character === "]") inClass = false;
      pattern += character;
    }
  }
  return { pattern, needs: null };
}

function escaped(character: string, inClass: boolean): string {
  if (character === "s") return inClass ? spaces : `[${spaces}]`;
  if (character === "S") return inClass ? otherThanSpaces : `[^${spaces}]`;
  if (character === "b" && inClass) return "\\x08";
  return `\\${character}`;
}
