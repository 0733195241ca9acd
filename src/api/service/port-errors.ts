const passing: ReadonlySet<unknown> = new Set(["EADDRINUSE", "EADDRNOTAVAIL", "EAI_AGAIN"]);

/**
 * Whether a port that cannot be listened on may be had later: another program holds it, or the network is not up yet, as
 * while the machine starts.
 */
export function mayBecomeFree(error: Error): boolean {
  return "code" in error && passing.has(error.code);
}
