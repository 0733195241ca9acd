/**
 * Why an `http:` or `https:` address with credentials is probably not what was meant; null if it looks right. The
 * answer quotes nothing of the address, since any part of it may belong to the password.
 *
 * A user's name or password that is not percent-encoded ends early for every reader of addresses: the rest of it would
 * be taken for the host, and be looked up and shown. A `/` cannot be distinguished from the start of a path that
 * contains an `@`.
 *
 * ```ts
 * webAddressProblem("https://app:12#x@api.example.com"); // "it has a `#` before its `@`"
 * ```
 */
export function webAddressProblem(address: string): string | null {
  const [, rest] = /^\s*https?:[\\/]{2}(.*)$/is.exec(address) ?? [];
  if (rest === undefined) return null;
  const end = rest.search(/[/?#]/);
  const authority = end === -1 ? rest : rest.slice(0, end);
  const behind = end === -1 ? "" : rest.slice(end);
  if (authority.split("@").length > 2) return "it has more than one `@` before the host";
  if (authority.includes("@") && /%(?![0-9a-f]{2})/i.test(authority)) {
    return "it has a `%` that begins no percent-encoded character";
  }
  const [beforeValues = ""] = behind.split("=", 1);
  if (behind.startsWith("?") && beforeValues.includes("@")) return "it has a `?` before its `@`";
  if (/#.*@/s.test(behind)) return "it has a `#` before its `@`";
  // Behind a name and a port there would be a path; behind a name and anything else, a password goes on.
  const hasName = !authority.includes("@") && /:(?!\d{0,5}$)/.test(authority) && !authority.startsWith("[");
  return hasName && behind.includes("@") ? `it has a \`${behind[0]}\` before its \`@\`` : null;
}

/** What to do about what `webAddressProblem` and its like for databases name. */
export const encodePassword =
  "Percent-encode special characters in the user's name and the password: `@` as %40, `#` as %23, `/` as %2F, `?` as %3F, `%` as %25.";
