/** Codes of invalid certificates, servers without TLS, and unknown host names. */
const hopeless =
  /^(?:ENOTFOUND|EPROTO|ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH)/;

/** The code of a failure of Node's or undici's, of the innermost that has one; empty where none has. */
export function failureCode(thrown: unknown): string {
  if (!(thrown instanceof Error)) return "";
  const inner = failureCode(thrown.cause);
  if (inner !== "") return inner;
  return "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
}

/** Whether a retry cannot help, because the address or the certificate is wrong. */
export function isHopeless(thrown: unknown): boolean {
  return hopeless.test(failureCode(thrown));
}

/** The hint for a failure that a retry cannot fix. */
export function hopelessHint(thrown: unknown, place: string): string {
  const code = failureCode(thrown);
  if (code === "ENOTFOUND") return `No such host is known: check the name in ${place}.`;
  if (/^(?:EPROTO|ERR_SSL_)/.test(code)) {
    return `Nothing there speaks TLS as it should: check \`https\` or \`http\`, the port and the certificate, in ${place}.`;
  }
  return `The certificate is not accepted: check the host in ${place}; set NODE_EXTRA_CA_CERTS for a private authority.`;
}
