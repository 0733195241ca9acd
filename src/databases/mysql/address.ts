import { isIP } from "node:net";
import type { ConnectionOptions, SslOptions } from "mysql2";
import { z } from "zod";
import { messageOf, TidemarkError } from "../../errors.ts";
import { readPem, type TlsAttempt, type TlsMode, tlsAttempts, tlsModeList, tlsModeOf } from "../tls.ts";

/** The options of the driver for a `mysql://` or `mariadb://` URL. */
export type MysqlAddress = Pick<
  ConnectionOptions,
  "host" | "port" | "user" | "password" | "database" | "socketPath"
> & {
  /** The driver's `ssl`, one for each way to connect, to be tried in this order. */
  readonly tls: readonly (SslOptions | undefined)[];
};

/** The part of the driver's own `ssl` that says whether the certificate is checked. */
const driverSsl = z.looseObject({ rejectUnauthorized: z.unknown() });

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
const known = `\`ssl-mode\` (DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY) or \`sslmode\` (${tlsModeList}), \`ssl-ca\`, \`ssl-cert\`, \`ssl-key\`, \`socket\``;

/**
 * Reads `mysql://user:password@host:3306/database?ssl-mode=VERIFY_IDENTITY&ssl-ca=./ca.pem`. TLS is asked for by
 * `ssl-mode`, or by `sslmode`, `ssl` and `tls` as other clients write it; without it the connection is plain, and with
 * a certificate to trust alone it is `VERIFY_IDENTITY`.
 *
 * Throws `ARGUMENT_INVALID` for parameters that are not known, so that a misspelt one does not leave the connection
 * unencrypted.
 */
export function mysqlAddress(url: string): MysqlAddress {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  let named: string | null = null;
  let socketPath: string | null = null;
  const files: { ca?: string; cert?: string; key?: string } = {};
  for (const [name, value] of searchParams) {
    const file = fileNames[name.toLowerCase()];
    if (modeNames.has(name.toLowerCase())) named = modeName(name, value);
    else if (file !== undefined) files[file] = pem(name, value);
    else if (name === "socket" || name === "socketPath") socketPath = value;
    else throw refused(`it has a parameter \`${name}\` that is not known`);
  }
  const mode = tlsModeOf(named, files);
  if (mode === null) throw refused(`\`${named}\` is no TLS mode`);
  const host = decodeURIComponent(hostname).replace(/^\[(.*)\]$/, "$1") || "localhost";
  assertVerifiable(mode, host);
  const attempts = socketPath === null ? tlsAttempts({ mode, files }) : [null];
  return {
    host,
    port: port === "" ? 3306 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    ...(pathname.length > 1 ? { database: decodeURIComponent(pathname.slice(1)) } : {}),
    ...(socketPath === null ? {} : { socketPath }),
    tls: attempts.map(driverTls),
  };
}

/** The driver would hold the certificate against `localhost`. */
function assertVerifiable(mode: TlsMode, host: string): void {
  if (mode !== "verify-full" || isIP(host) === 0) return;
  throw refused(
    `the server's identity cannot be verified by the address ${host}; write its name, or VERIFY_CA`,
  );
}

function driverTls(attempt: TlsAttempt): SslOptions | undefined {
  if (attempt === null) return undefined;
  const { check, ...files } = attempt;
  return { ...files, rejectUnauthorized: check !== "none", verifyIdentity: check === "name" };
}

/** Host, port and database, for messages. */
export function placeOf({ host, port, database, socketPath }: MysqlAddress): string {
  const server = socketPath ?? `${host?.includes(":") ? `[${host}]` : host}:${port}`;
  return `mysql ${server}${database === undefined ? "" : `/${database}`}`;
}

/** The mode as it is named; of `ssl={"rejectUnauthorized":true}`, as the driver's own URLs have it, by a name. */
function modeName(name: string, value: string): string {
  if (name !== "ssl" || !value.startsWith("{")) return value;
  try {
    const { rejectUnauthorized } = driverSsl.parse(JSON.parse(value));
    return rejectUnauthorized === false ? "no-verify" : "verify-ca";
  } catch {
    // Not shown: it may hold a key.
    throw refused("the value of `ssl` is no JSON");
  }
}

function pem(name: string, path: string): string {
  try {
    return readPem(name, path);
  } catch (error) {
    throw refused(messageOf(error));
  }
}

function refused(why: string): TidemarkError {
  return new TidemarkError("ARGUMENT_INVALID", `the database URL cannot be used: ${why}`, {
    hint: `What may stand after the \`?\` of a mysql:// URL: ${known}.`,
  });
}
