import type { ConnectionOptions } from "node:tls";
import { messageOf, TidemarkError } from "../../errors.ts";
import {
  nodeTlsOptions,
  readPem,
  type TlsFiles,
  type TlsMode,
  tlsAttempts,
  tlsModeList,
  tlsModeOf,
} from "../tls.ts";

/** The address and the TLS settings of a `postgres://` URL. */
export interface PostgresAddress {
  /** The URL without its TLS parameters, which the driver interprets differently from libpq. */
  readonly url: string;
  /** Host, port and database, for messages. */
  readonly place: string;
  /** The driver's `ssl`, one for each way to connect, to be tried in this order. */
  readonly tls: readonly (ConnectionOptions | false)[];
}

const fileNames: Readonly<Record<string, keyof TlsFiles>> = {
  sslrootcert: "ca",
  sslcert: "cert",
  sslkey: "key",
};
/** The driver's own way to have libpq's modes, which are the only ones here. */
const ignored = new Set(["uselibpqcompat"]);
const passedOn = new Set(["sslnegotiation"]);

/**
 * Reads a URL's `sslmode`, `sslrootcert`, `sslcert` and `sslkey`, which mean what they mean to libpq;
 * where the URL has none of them, `PGSSLMODE` and its like are asked. Without any, the connection is
 * plain.
 *
 * Throws `ARGUMENT_INVALID` for a mode or a parameter of TLS that is not known.
 */
export function postgresAddress(
  url: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): PostgresAddress {
  const parsed = new URL(url);
  const host = parsed.searchParams.get("host") ?? (decodeURIComponent(parsed.hostname) || "localhost");
  const { mode: named, files, stripped } = tlsParameters(parsed, environment);
  const mode = modeOf(named, files);
  const attempts = host.startsWith("/") ? [null] : tlsAttempts({ mode, files });
  return {
    url: stripped ? parsed.href : url,
    place: `postgres://${host}:${parsed.port || "5432"}${parsed.pathname}`,
    tls: attempts.map((attempt) =>
      attempt === null ? false : nodeTlsOptions(attempt, host.replace(/^\[(.*)\]$/, "$1")),
    ),
  };
}

interface TlsParameters {
  readonly mode: string | null;
  readonly files: TlsFiles;
  /** Whether the URL had any of them, which are taken out of it. */
  readonly stripped: boolean;
}

function tlsParameters(
  { searchParams }: URL,
  environment: Readonly<Record<string, string | undefined>>,
): TlsParameters {
  let mode: string | null = null;
  let stripped = false;
  const paths: { ca?: string; cert?: string; key?: string } = {};
  for (const [name, value] of [...searchParams]) {
    const file = fileNames[name];
    if (name === "sslmode" || name === "ssl") mode = value;
    else if (file !== undefined) paths[file] = value;
    else if (name.startsWith("ssl") && !passedOn.has(name)) throw refused(`\`${name}\` is not known`);
    else if (!ignored.has(name)) continue;
    searchParams.delete(name);
    stripped = true;
  }
  mode ??= environment.PGSSLMODE || null;
  for (const [name, file] of Object.entries(fileNames)) {
    const path = environment[`PG${name.toUpperCase()}`];
    if (path !== undefined && path !== "") paths[file] ??= path;
  }
  // `system` is libpq's word for the certificates that everybody trusts, which go with one mode alone.
  if (paths.ca === "system") {
    delete paths.ca;
    mode ??= "verify-full";
    if (mode !== "verify-full") throw refused("`sslrootcert=system` goes with `sslmode=verify-full` alone");
  }
  return { mode, files: filesOf(paths), stripped };
}

function filesOf(paths: { ca?: string; cert?: string; key?: string }): TlsFiles {
  const files: { ca?: string; cert?: string; key?: string } = {};
  try {
    if (paths.ca !== undefined) files.ca = readPem("sslrootcert", paths.ca);
    if (paths.cert !== undefined) files.cert = readPem("sslcert", paths.cert);
    if (paths.key !== undefined) files.key = readPem("sslkey", paths.key);
  } catch (error) {
    throw refused(messageOf(error));
  }
  if ((files.cert === undefined) !== (files.key === undefined)) {
    throw refused("`sslcert` and `sslkey` go together");
  }
  return files;
}

function modeOf(named: string | null, files: TlsFiles): TlsMode {
  const mode = tlsModeOf(named, files);
  if (mode === null) throw refused(`\`sslmode=${named}\` is no TLS mode`);
  return mode;
}

function refused(why: string): TidemarkError {
  return new TidemarkError("ARGUMENT_INVALID", `the database URL cannot be used: ${why}`, {
    hint: `\`sslmode\` is one of ${tlsModeList}; with it go \`sslrootcert\`, \`sslcert\` and \`sslkey\`.`,
  });
}
