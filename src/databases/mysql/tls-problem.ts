import { messageOf } from "../../errors.ts";
import { type TlsProblem, tlsProblemOf } from "../tls.ts";

/** The driver's code for every failure of a handshake; its message has the words of the failure itself. */
const handshakeFailed = "HANDSHAKE_SSL_ERROR";

/** As `tlsProblemOf`, of an error of the driver. */
export function mysqlTlsProblem(thrown: unknown): TlsProblem | null {
  const code: unknown =
    typeof thrown === "object" && thrown !== null && "code" in thrown ? thrown.code : null;
  return code === handshakeFailed
    ? tlsProblemOf(thrown, codeInWords(messageOf(thrown)))
    : tlsProblemOf(thrown);
}

function codeInWords(message: string): string {
  if (/self[- ]signed certificate in/i.test(message)) return "SELF_SIGNED_CERT_IN_CHAIN";
  if (/self[- ]signed/i.test(message)) return "DEPTH_ZERO_SELF_SIGNED_CERT";
  if (/unable to (?:verify|get)/i.test(message)) return "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
  return /has expired/i.test(message) ? "CERT_HAS_EXPIRED" : "EPROTO";
}
