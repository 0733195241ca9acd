import { readFileSync } from "node:fs";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { messageOf } from "../errors.ts";

/** The TLS settings of a connection, with libpq's names. */
export type TlsMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";

export interface TlsFiles {
  /** The certificates to trust; without them, those that Node.js trusts. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface TlsChoice {
  readonly mode: TlsMode;
  readonly files: TlsFiles;
}

/** The check of the server's certificate: none, its signature chain, or its name as well. */
export type TlsCheck = "none" | "chain" | "name";

/** One way to connect; `null` is without TLS. */
export type TlsAttempt = (TlsFiles & { readonly check: TlsCheck }) | null;

/** The names that the clients of databases have for the modes, in lower case. */
const modeNames: Readonly<Record<string, TlsMode>> = {
  disable: "disable",
  disabled: "disable",
  false: "disable",
  "0": "disable",
  allow: "allow",
  prefer: "prefer",
  preferred: "prefer",
  require: "require",
  required: "require",
  "no-verify": "require",
  "skip-verify": "require",
  "verify-ca": "verify-ca",
  verify_ca: "verify-ca",
  "verify-full": "verify-full",
  verify_identity: "verify-full",
  true: "verify-full",
  "1": "verify-full",
};

/** The names that check nothing, also where certificates to trust are given. */
const neverVerified = new Set(["required", "no-verify", "skip-verify"]);

/** The modes as a message lists them. */
export const tlsModeList = "disable, allow, prefer, require, verify-ca, verify-full";

/**
 * The mode that a URL's parameter names; null for an unknown name. As with libpq, `require` checks the certificate's
 * chain where certificates to trust are given. Without a mode, a given certificate is checked, and without a
 * certificate there is no TLS.
 */
export function tlsModeOf(name: string | null, files: TlsFiles): TlsMode | null {
  const lower = name?.toLowerCase() ?? null;
  if (lower === null) return Object.keys(files).length === 0 ? "disable" : "verify-full";
  const mode = modeNames[lower];
  if (mode === undefined) return null;
  return mode === "require" && files.ca !== undefined && !neverVerified.has(lower) ? "verify-ca" : mode;
}

/** The ways to connect, in the order in which they are tried. */
export function tlsAttempts({ mode, files }: TlsChoice): readonly TlsAttempt[] {
  const unchecked: TlsAttempt = { ...files, check: "none" };
  switch (mode) {
    case "disable":
      return [null];
    case "allow":
      return [null, unchecked];
    case "prefer":
      return [unchecked, null];
    case "require":
      return [unchecked];
    case "verify-ca":
      return [{ ...files, check: "chain" }];
    case "verify-full":
      return [{ ...files, check: "name" }];
  }
}

/** Options for Node's TLS. `host` is what the certificate has to name, a name or an IP address. */
export function nodeTlsOptions({ check, ...files }: NonNullable<TlsAttempt>, host: string) {
  return {
    ...files,
    rejectUnauthorized: check !== "none",
    checkServerIdentity: (_: string, certificate: PeerCertificate) =>
      check === "name" ? checkServerIdentity(host, certificate) : undefined,
  };
}

/** Reads a PEM file; throws with the parameter's name where it cannot. */
export function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`the file of \`${name}\` cannot be read: ${messageOf(error)}`);
  }
}

/** The TLS check that failed, with a hint; null for other errors. */
export interface TlsProblem {
  readonly what: string;
  readonly hint: string;
}

const untrusted =
  /^(?:SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED|INVALID_CA|INVALID_PURPOSE|CERT_CHAIN_TOO_LONG)$/;
const outOfDate = /^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)$/;
const noTls = /server does not support (?:SSL|secure) connection/i;

/** `code` is Node's for a failure of TLS, where a driver keeps it elsewhere than in its error's `code`. */
export function tlsProblemOf(thrown: unknown, code = codeOf(thrown)): TlsProblem | null {
  const message = messageOf(thrown);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || /does not match certificate's altnames/.test(message)) {
    return {
      what: `the name in the server's certificate was checked and is another: ${message}`,
      hint: "Connect by a name that the certificate has. `sslmode=verify-ca` checks whom it is signed by and not the name.",
    };
  }
  if (untrusted.test(code)) {
    return {
      what: `the chain of the server's certificate was checked and leads to none that is trusted: ${message}`,
      hint: "Give the authority's certificate as `sslrootcert=./ca.pem`. `sslmode=require` encrypts and checks nothing.",
    };
  }
  if (outOfDate.test(code)) {
    return {
      what: `the dates of the server's certificate were checked: ${message}`,
      hint: "Renew the server's certificate, or set the clock right. `sslmode=require` encrypts and checks nothing.",
    };
  }
  if (noTls.test(message)) {
    return {
      what: "the server does not offer TLS, and the connection string asks for it",
      hint: "Switch TLS on at the server. `sslmode=disable` connects in the open, `sslmode=prefer` does where the server has no TLS.",
    };
  }
  if (/^(?:ERR_SSL_|ERR_OSSL_|ERR_TLS_|EPROTO)/.test(code)) {
    return {
      what: `the TLS handshake failed: ${message}`,
      hint: "Check `sslcert` and `sslkey`, and which versions of TLS the server takes.",
    };
  }
  return null;
}

function codeOf(thrown: unknown): string {
  return typeof thrown === "object" && thrown !== null && "code" in thrown ? String(thrown.code) : "";
}
