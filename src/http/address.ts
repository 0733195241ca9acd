import { redact, registerSecret } from "../secrets.ts";

/** Names of headers and parameters whose values count as secrets. */
const secretName =
  /authorization|cookie|credential|password|passwd|pwd|secret|signature|token|api[_.-]?key|(?:^|[_.-])(?:auth|key|sig)$/i;

/** Whether the value of a header or parameter of this name must not be shown. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

/** Page tokens, which are shown, so that the reader of a message can request the page by hand. */
const placeName =
  /^\W*(?:x-)?(?:(?:next|page|start|skip|continuation|pagination|paging|cursor|sync|resumption|scroll)[_.-]?)+token\W*$/i;

/** As `isSecretName`, of what messages show of requests and answers. */
export function isMasked(name: string): boolean {
  return isSecretName(name) && !placeName.test(name);
}

/** An address for messages: without user, password and fragment, values of secret parameters masked. */
export function showAddress(url: URL): string {
  const shown = [...url.searchParams].map(([name, value]) =>
    isMasked(name) ? `${name}=[redacted]` : `${name}=${value}`,
  );
  const query = shown.length === 0 ? "" : `?${shown.join("&")}`;
  return redact(`${startOf(url)}${url.pathname}${query}`);
}

/** The origin; of schemes without one, such as `file:`, the scheme and the host. */
function startOf({ origin, protocol, host, href }: URL): string {
  if (origin !== "null") return origin;
  return href.startsWith(`${protocol}//`) ? `${protocol}//${host}` : protocol;
}

/** Registers the value of a secret parameter, in each form that it takes in an address. */
export function registerParameterSecret(value: string): void {
  const encoded = new URLSearchParams([["", value]]).toString().slice(1);
  for (const form of [value, encoded, encoded.replaceAll("+", "%20")]) registerSecret(form);
}

/** Parameters to set, by name; a list sets the parameter once for each value. */
export type Parameters = ReadonlyMap<string, string | readonly string[]>;

/**
 * A copy of the address with these parameters instead of any of the same names. What else the query
 * held stays as it was written. Spaces are sent as `%20`, which every server reads.
 */
export function withParameters(url: URL, parameters: Parameters): URL {
  const added = new URLSearchParams();
  for (const [name, values] of parameters) {
    for (const value of [values].flat()) added.append(name, value);
  }
  const kept = queryParts(url).filter((part) => !parameters.has(nameOf(part)));
  return withQuery(url, [...kept, added.toString().replaceAll("+", "%20")]);
}

/** A copy of the address without the parameters of these names. */
export function withoutParameters(url: URL, names: readonly string[]): URL {
  const parts = queryParts(url);
  const kept = parts.filter((part) => !names.includes(nameOf(part)));
  return kept.length === parts.length ? new URL(url) : withQuery(url, kept);
}

function queryParts(url: URL): string[] {
  return url.search.slice(1).split("&");
}

function nameOf(part: string): string {
  const [first] = new URLSearchParams(part).keys();
  return first ?? "";
}

function withQuery(url: URL, parts: readonly string[]): URL {
  const changed = new URL(url);
  changed.search = parts.filter((part) => part !== "").join("&");
  return changed;
}
