import type { ConfigPath } from "../findings.ts";
import { isSecretName } from "../http/address.ts";
import { registerSecret } from "../secrets.ts";

/** Names that variables have, and headers and parameters do not. */
const secretVariable = /(?:^|_)(?:auth|dsn|key|pass)(?:_|$)/i;

/** Names of variables for what is no secret: where something is, what it is called, how it is done. */
const plainVariable =
  /(?:^|_)(?:url|uri|host(?:name)?|port|name|user(?:name)?|database|schema|scopes?|style|type|mode|method|header|realm|audience|domain|region|id)$/i;

/** Keys of a pipeline under which whatever comes from the environment is a secret, unless its name says otherwise. */
const secretPlaces = new Set(["headers", "connectionString", "connectionStringRef"]);

/** Headers that never hold credentials. */
const plainHeader =
  /^(?:accept(?:-.*)?|content-.*|user-agent|referer|origin|prefer|cache-control|if-.*|.*-version)$/i;

/** Keys of `authentication` that are no secrets, whatever variable they come from. */
const plainKeys = new Set([
  ...["type", "in", "name", "scope", "audience", "style"],
  ...[
    "algorithm",
    "keyEncoding",
    "sign",
    "encoding",
    "header",
    "prefix",
    "headerText",
    "timestampHeader",
    "timestampFormat",
  ],
]);

/** Keys that hold how to reach a database, as a URL or in a driver's own form. */
const connections = new Set<unknown>(["connectionString", "connectionStringRef"]);

/** Keys under which values whose names suggest a secret are secrets, even if they are in the file itself. */
const namedPlaces = new Set(["authentication", "headers", "queryParams", "body", "config"]);

/** Whether the value at this place must not be shown, wherever it came from. */
export function isSecretPlace(path: ConfigPath): boolean {
  const place = path.findIndex((step) => typeof step === "string" && namedPlaces.has(step));
  if (place === -1) return false;
  const leaf = path.slice(place + 1).findLast((step) => typeof step === "string") ?? "";
  return (
    (path[place] === "authentication" && leaf === "value") || (isSecretName(leaf) && !/url$/i.test(leaf))
  );
}

/** Registers what a variable brought to a place, where either says that it is a secret. */
export function registerVariable(name: string, value: string, path: ConfigPath): void {
  if (!isSecretVariable(name, path)) return;
  // An address is not a secret but for what is in it, and messages are of little use without it.
  if (isAddress(value)) registerAddress(value);
  else registerSecret(value);
}

/** Registers what came from a file: a secret, unless its place says otherwise. */
export function registerFile(value: string, path: ConfigPath): void {
  const leaf = path.findLast((step) => typeof step === "string") ?? "";
  if (path.includes("authentication") && plainKeys.has(leaf)) return;
  if (isAddress(value)) registerAddress(value);
  else registerSecret(value);
}

function isSecretVariable(name: string, path: ConfigPath): boolean {
  if (isSecretPlace(path)) return true;
  const leaf = path.findLast((step) => typeof step === "string") ?? "";
  if (path.includes("authentication") && plainKeys.has(leaf)) return false;
  if (plainVariable.test(name)) return false;
  if (isSecretName(name) || secretVariable.test(name)) return true;
  const place = path.find((step) => typeof step === "string" && secretPlaces.has(step));
  return place !== undefined && !(place === "headers" && plainHeader.test(leaf));
}

/** Registers what the finished text of a value holds in secret. */
export function registerText(text: string, path: ConfigPath): void {
  if (isSecretPlace(path)) {
    registerSecret(text);
    const [, credentials] = /^\s*(?:bearer|basic|token|apikey)\s+(\S+)\s*$/i.exec(text) ?? [];
    if (credentials !== undefined) registerSecret(credentials);
  }
  if (isAddress(text) || connections.has(path.at(-1))) registerAddress(text);
}

function isAddress(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

/** The password of a URL, and its parameters by a secret's name; `password=` of a driver's own form. */
function registerAddress(text: string): void {
  const [, password] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s:@]*:([^\s/?#]*)@/i.exec(text) ?? [];
  if (password !== undefined) registerEncoded(password);
  for (const [, name = "", value = ""] of text.matchAll(/([\w.-]+)\s*=\s*([^&\s'"]+)/g)) {
    if (isSecretName(name)) registerEncoded(value);
  }
}

function registerEncoded(value: string): void {
  registerSecret(value);
  try {
    registerSecret(decodeURIComponent(value));
  } catch {
    // Not percent-encoded, so it is used unchanged.
  }
}
