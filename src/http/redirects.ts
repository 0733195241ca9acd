import { showAddress } from "./address.ts";
import type { HttpRequest } from "./message.ts";

/**
 * Where a redirect leads. Throws what `refuse` makes for one that is not followed: of a method other
 * than GET and HEAD, to something that is not HTTP, and from `https` to plain `http` on another host.
 * On the same host such a one comes from a server behind a proxy that ends TLS, and `https` is kept.
 */
export function redirectTarget(
  from: URL,
  location: string,
  method: HttpRequest["method"],
  refuse: (why: string) => Error,
): URL {
  const target = URL.parse(location, from.href);
  if (target === null || !/^https?:$/.test(target.protocol)) {
    throw refuse("redirected to something that is no address over HTTP");
  }
  const to = `redirected to ${showAddress(target)}`;
  if (method !== "GET" && method !== "HEAD") throw refuse(`${to}, which is not followed for ${method}`);
  if (from.protocol !== "https:" || target.protocol !== "http:") return target;
  if (target.hostname !== from.hostname || target.port !== "") {
    throw refuse(`${to}: from \`https\` to plain \`http\`, which is not followed`);
  }
  const kept = new URL(target);
  kept.protocol = "https:";
  kept.port = from.port;
  return kept;
}
