import { TidemarkError } from "../../../errors.ts";
import { withoutTrailing } from "../../../model/trailing.ts";
import { webAddressProblem } from "../../../model/web-address.ts";
import { registerSecret } from "../../../secrets.ts";

/** Where a service is. */
export interface ServiceAddress {
  readonly origin: string;
  /** The prefix of the service's paths: "", or with a leading slash and without a trailing one. */
  readonly prefix: string;
  /** The address for messages; it holds no secret. */
  readonly shown: string;
}

const form = "Use https://host or https://host/prefix, and give the key apart from it.";

/**
 * Reads the address of a service. Throws `STATE_URL_INVALID` where it is none, and where it carries a
 * user, a password, parameters or a fragment: addresses are shown, and keys must not be.
 */
export function parseServiceAddress(url: string): ServiceAddress {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || !/^https?:\/\//i.test(url)) {
    throw invalid("it is no address of a service");
  }
  const problem =
    webAddressProblem(url) ?? (parsed.pathname.includes("@") ? "it has a `/` before its `@`" : null);
  if (problem !== null) throw invalid(problem);
  const shown = `${parsed.origin}${withoutTrailing(parsed.pathname, "/")}`;
  if (parsed.username !== "" || parsed.password !== "") {
    for (const part of [parsed.username, parsed.password]) registerSecret(decoded(part));
    throw invalid(`the address of ${shown} has a user or a password`);
  }
  if (parsed.search !== "" || parsed.hash !== "") throw invalid(`${shown} has parameters`);
  return { origin: parsed.origin, prefix: withoutTrailing(parsed.pathname, "/"), shown };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * A key as it can be sent: without the spaces and the line break that a file ends with, null where it is
 * empty. Throws `ARGUMENT_INVALID` for what no header can carry, without showing it.
 */
export function usableKey(key: string | undefined, source: string): string | null {
  const text = key?.trim() ?? "";
  if (text === "") return null;
  registerSecret(text);
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new TidemarkError("ARGUMENT_INVALID", `the API key from ${source} holds characters that no key has`, {
    hint: "Give the key alone, as `tidemark keys create` printed it.",
  });
}

function invalid(why: string): TidemarkError {
  return new TidemarkError("STATE_URL_INVALID", `the state URL cannot be used: ${why}`, { hint: form });
}
