import { BlockList, isIP } from "node:net";
import { TidemarkError } from "../errors.ts";
import { encodePassword, webAddressProblem } from "../model/web-address.ts";
import { registerSecret } from "../secrets.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A proxy that requests go through, and the variable that names it. */
export interface HttpProxy {
  readonly variable: string;
  /** With its user and password, which are registered as secrets. */
  readonly url: URL;
  /** Fit for messages. */
  readonly shown: string;
}

/**
 * The proxy for an address by `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in capitals or not, as curl
 * reads them; null for none. Throws `ARGUMENT_INVALID` for a variable that names no HTTP proxy.
 */
export function proxyFor(target: URL, environment: Environment): HttpProxy | null {
  const scheme = target.protocol === "https:" ? "https" : "http";
  const variable = variableOf(`${scheme}_proxy`, environment);
  if (variable === null || isExempt(target, environment)) return null;
  return parseProxy(variable, environment[variable]?.trim() ?? "");
}

/** The name under which a variable is set to something; lower case goes before capitals. */
function variableOf(name: string, environment: Environment): string | null {
  const isSet = (variable: string): boolean => (environment[variable]?.trim() ?? "") !== "";
  if (isSet(name)) return name;
  // In a CGI program the header `Proxy` of whoever asks would be this variable.
  const isCgi = name === "http_proxy" && environment.REQUEST_METHOD !== undefined;
  return !isCgi && isSet(name.toUpperCase()) ? name.toUpperCase() : null;
}

function parseProxy(variable: string, text: string): HttpProxy {
  const address = text.includes("://") ? text : `http://${text}`;
  const url = URL.parse(address);
  const problem =
    webAddressProblem(address) ?? (url?.pathname.includes("@") ? "it has a `/` before its `@`" : null);
  if (problem !== null) {
    throw new TidemarkError("ARGUMENT_INVALID", `the variable ${variable} cannot be used: ${problem}`, {
      hint: encodePassword,
    });
  }
  if (url !== null) registerCredentials(url);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === "" || url.pathname !== "/") {
    throw new TidemarkError("ARGUMENT_INVALID", `the variable ${variable} does not name an HTTP proxy`, {
      hint: `Set it to an address such as http://user@proxy.example.com:3128, or unset it; SOCKS proxies are not used.`,
    });
  }
  return { variable, url, shown: url.origin };
}

/** In each form in which they are sent, or repeated. */
function registerCredentials({ username, password }: URL): void {
  if (password === "") return;
  const decode = (text: string): string => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  registerSecret(password);
  registerSecret(decode(password));
  registerSecret(Buffer.from(`${decode(username)}:${decode(password)}`).toString("base64"));
}

/** Whether `NO_PROXY` names the host: itself, a domain above it, its network, or `*`. */
function isExempt(target: URL, environment: Environment): boolean {
  const variable = variableOf("no_proxy", environment);
  if (variable === null) return false;
  const host = bare(target.hostname);
  const port = target.port === "" ? (target.protocol === "https:" ? "443" : "80") : target.port;
  return (environment[variable] ?? "")
    .split(/[\s,]+/)
    .some((entry) => entry !== "" && names(entry, host, port));
}

/** `example.com:8443`, `[::1]:443`, `*.example.com`, `.example.com`, `10.0.0.0/8`, `*`. */
const entrySyntax = /^(?:\[([^\]]+)\]|([^:]+)|(.*:.*:.*?))(?::(\d+))?$/;

function names(entry: string, host: string, port: string): boolean {
  const [, bracketed, plain, address, entryPort] = entrySyntax.exec(entry) ?? [];
  const name = bare(bracketed ?? plain ?? address ?? "");
  if (entryPort !== undefined && entryPort !== port) return false;
  if (name === "*") return true;
  if (isIP(host) !== 0) return holdsAddress(name, host);
  if (name.startsWith("*.")) return host.endsWith(name.slice(1));
  const domain = name.replace(/^\./, "");
  return domain !== "" && (host === domain || host.endsWith(`.${domain}`));
}

function holdsAddress(name: string, host: string): boolean {
  const [start = "", bits] = name.split("/");
  const version = isIP(start);
  if (version === 0) return false;
  const family = version === 6 ? "ipv6" : "ipv4";
  const width = bits === undefined ? (version === 6 ? 128 : 32) : Number(bits);
  if (!Number.isInteger(width) || width < 0 || width > (version === 6 ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(start, width, family);
  return list.check(host, isIP(host) === 6 ? "ipv6" : "ipv4");
}

/** A host's name in one form: in lower case, without brackets and the dot at the end. */
function bare(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/(.)\.$/, "$1");
}
