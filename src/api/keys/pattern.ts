/**
 * Whether a connector is one of those that patterns name. `*` stands for any text and `?` for one
 * character; everything else is taken as it is.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  const wanted = [...pattern];
  const given = [...name];
  // The place of the last `*`, and where in the name its match ends so far.
  let star = -1;
  let starEnd = 0;
  let at = 0;
  let next = 0;
  while (next < given.length) {
    if (wanted[at] === "*") {
      star = at++;
      starEnd = next;
    } else if (at < wanted.length && (wanted[at] === "?" || wanted[at] === given[next])) {
      at++;
      next++;
    } else if (star !== -1) {
      at = star + 1;
      next = ++starEnd;
    } else {
      return false;
    }
  }
  while (wanted[at] === "*") at++;
  return at === wanted.length;
}

/** The text that every name which the pattern matches begins with. */
export function literalPrefix(pattern: string): string {
  return pattern.slice(0, /[*?]|$/.exec(pattern)?.index);
}
