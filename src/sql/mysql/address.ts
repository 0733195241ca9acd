import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { ConnectionOptions, SslOptions } from "mysql2";
import { messageOf, TidemarkError } from "../../errors.ts";

/** Where a `mysql://` or `mariadb://` URL leads, in the driver's words. */
export type MysqlAddress = Pick<
  ConnectionOptions,
  "host" | "port" | "user" | "password" | "database" | "socketPath" | "ssl"
>;

/** How much is asked of the server's certificate, by the names that clients have for it. */
const tlsModes: Readonly<Record<string, "off" | "encrypted" | "trusted" | "identified">> = {
  disabled: "off",
  disable: "off",
  false: "off",
  "0": "off",
  required: "encrypted",
  require: "encrypted",
  verify_ca: "trusted",
  "verify-ca": "trusted",
  verify_identity: "identified",
  "verify-full": "identified",
  true: "identified",
  "1": "identified",
};

const modeNames = new Set(["ssl", "tls", "sslmode", "ssl-mode"]);
const fileNames: Readonly<Record<string, "ca" | "cert" | "key">> = {
  "ssl-ca": "ca",
  sslca: "ca",
  sslrootcert: "ca",
  "ssl-cert": "cert",
  sslcert: "cert",
  "ssl-key": "key",
  sslkey: "key",
};
const known =
  "`ssl-mode` (DISABLED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY), `ssl-ca`, `ssl-cert`, `ssl-key`, `socket`";

/**
 * Reads `mysql://user:password@host:3306/database?ssl-mode=VERIFY_IDENTITY&ssl-ca=./ca.pem`. TLS is
 * asked for by `ssl-mode`, or by `ssl`, `tls` and `sslmode` as other clients write it; without it the
 * connection is plain, and with a certificate to trust alone it is `VERIFY_IDENTITY`.
 *
 * Throws `ARGUMENT_INVALID` for parameters that are not known, so that no misspelt one leaves the
 * connection in the open.
 */
export function mysqlAddress(url: string): MysqlAddress {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  let mode: string | null = null;
  let socketPath: string | null = null;
  const files: { ca?: string; cert?: string; key?: string } = {};
  for (const [name, value] of searchParams) {
    const file = fileNames[name.toLowerCase()];
    if (modeNames.has(name.toLowerCase())) mode = modeOf(name, value);
    else if (file !== undefined) files[file] = readPem(name, value);
    else if (name === "socket" || name === "socketPath") socketPath = value;
    else throw refused(`it has a parameter \`${name}\` that is not known`);
  }
  mode ??= files.ca === undefined ? "off" : "identified";
  const host = decodeURIComponent(hostname).replace(/^\[(.*)\]$/, "$1") || "localhost";
  // The driver would hold the certificate against `localhost`.
  if (mode === "identified" && isIP(host) !== 0) {
    throw refused(
      `the server's identity cannot be verified by the address ${host}; write its name, or VERIFY_CA`,
    );
  }
  return {
    host,
    port: port === "" ? 3306 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    ...(pathname.length > 1 ? { database: decodeURIComponent(pathname.slice(1)) } : {}),
    ...(socketPath === null ? {} : { socketPath }),
    ...(mode === "off" ? {} : { ssl: tlsOf(mode, files) }),
  };
}

/** Host, port and database, for messages. */
export function placeOf({ host, port, database, socketPath }: MysqlAddress): string {
  const server = socketPath ?? `${host?.includes(":") ? `[${host}]` : host}:${port}`;
  return `mysql ${server}${database === undefined ? "" : `/${database}`}`;
}

function modeOf(name: string, value: string): string {
  const json = name === "ssl" && value.startsWith("{") ? jsonMode(value) : undefined;
  const mode = json ?? tlsModes[value.toLowerCase()];
  if (mode === undefined) throw refused(`\`${name}=${value}\` is no TLS mode`);
  return mode;
}

/** `ssl={"rejectUnauthorized":true}`, as the driver's own URLs have it. */
function jsonMode(value: string): string {
  try {
    return JSON.parse(value).rejectUnauthorized === false ? "encrypted" : "trusted";
  } catch {
    throw refused(`\`ssl=${value}\` is no JSON`);
  }
}

function tlsOf(mode: string, files: Readonly<Record<string, string>>): SslOptions {
  return { ...files, rejectUnauthorized: mode !== "encrypted", verifyIdentity: mode === "identified" };
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw refused(`the file of \`${name}\` cannot be read: ${messageOf(error)}`);
  }
}

function refused(why: string): TidemarkError {
  return new TidemarkError("ARGUMENT_INVALID", `the database URL cannot be used: ${why}`, {
    hint: `What may stand after the \`?\` of a mysql:// URL: ${known}.`,
  });
}
