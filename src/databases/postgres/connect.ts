import type { ConnectionOptions } from "node:tls";
import { TidemarkError } from "../../errors.ts";
import { tlsProblemOf } from "../tls.ts";

/** As the driver's `ssl`. */
type Ssl = ConnectionOptions | false;

/**
 * Connects in the first of the ways that works. The next one is tried where TLS is what failed, or the
 * server's rules (`pg_hba.conf`) do not let the connection in. Throws what the last one threw.
 */
export async function connectByTls<T>(ways: readonly Ssl[], connect: (ssl: Ssl) => Promise<T>): Promise<T> {
  for (let at = 0; ; at++) {
    try {
      return await connect(ways[at] ?? false);
    } catch (error) {
      if (at + 1 >= ways.length || !mayWorkOtherwise(error)) throw error;
    }
  }
}

function mayWorkOtherwise(error: unknown): boolean {
  const thrown = error instanceof TidemarkError ? error.cause : error;
  if (tlsProblemOf(thrown) !== null) return true;
  const code: unknown =
    typeof thrown === "object" && thrown !== null && "code" in thrown ? thrown.code : null;
  return code === "28000";
}
