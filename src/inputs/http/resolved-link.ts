import { showAddress, withoutParameters } from "../../http/address.ts";
import type { HttpClient } from "../../http/client.ts";
import type { PageFailure } from "./page-failure.ts";
import { secretParameters } from "./request.ts";
import type { HttpPollingConfig } from "./schema.ts";

/**
 * The address of a next page, without the pipeline's secrets. Only the endpoint's origin is accepted. A link that
 * differs only in the scheme comes from a source behind a proxy that terminates TLS.
 */
export function resolveLink(
  link: URL,
  { config, client }: { readonly config: HttpPollingConfig; readonly client: Pick<HttpClient, "strip"> },
  fail: PageFailure,
): URL {
  const endpoint = new URL(config.endpoint);
  const target = new URL(link);
  if (target.protocol === "http:" && endpoint.protocol === "https:" && target.host === endpoint.hostname) {
    target.protocol = "https:";
    target.port = endpoint.port;
  }
  if (!/^https?:$/.test(target.protocol)) {
    throw fail(
      "SOURCE_INVALID",
      `the link to the next page is no address over HTTP: ${showAddress(target)}`,
      "Check `nextCursorField`, or the `Link` header: the link must be an address of the endpoint's origin.",
    );
  }
  if (target.origin !== endpoint.origin) {
    throw fail(
      "SOURCE_INVALID",
      `the link to the next page leads to another origin, ${showAddress(target)}`,
      "Declare the endpoint at the origin that the links lead to.",
    );
  }
  target.username = "";
  target.password = "";
  return withoutParameters(client.strip(target), [...secretParameters(config).keys()]);
}
