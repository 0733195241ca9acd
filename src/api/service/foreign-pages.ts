/** The headers that identify the page and the host name of a request. */
export interface RequestOrigin {
  readonly method: string;
  header(name: string): string | undefined;
}

/**
 * Why a request without a key must be rejected by a server that listens only on this machine; null where it may be
 * answered. A web page in a browser on this machine can send requests to it, too: under a host name that resolves to
 * this machine (DNS rebinding), or from another origin. Programs send neither `Origin` nor `Sec-Fetch-Site`.
 */
export function foreignPage({ method, header }: RequestOrigin): string | null {
  const host = header("host") ?? "";
  if (!/^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d{1,5})?$/i.test(host))
    return `this answers to localhost only, not to ${host.slice(0, 200)}`;
  const origin = header("origin");
  if (origin !== undefined && !isOwn(origin, host))
    return `pages of ${origin.slice(0, 200)} may not ask for anything here`;
  const site = header("sec-fetch-site");
  const isLink = (method === "GET" || method === "HEAD") && header("sec-fetch-mode") === "navigate";
  // Who follows a link sees the answer, and the page that has the link does not.
  if (site !== undefined && site !== "same-origin" && site !== "none" && !isLink)
    return "pages of elsewhere may not ask for anything here";
  return null;
}

function isOwn(origin: string, host: string): boolean {
  return (
    /^https?:\/\//i.test(origin) && origin.replace(/^https?:\/\//i, "").toLowerCase() === host.toLowerCase()
  );
}
