import { messageOf, TidemarkError } from "../../errors.ts";
import type { Log } from "../../observability/log.ts";
import { errorFields } from "../../observability/schedule-log.ts";
import { onUncaught, type Uncaught } from "../uncaught.ts";

/**
 * Keeps the process running after uncaught errors of a pipeline's code, unhandled rejections, and connection errors.
 * The signal aborts on any other exception, since the interrupted work may be inconsistent: runs then stop at their
 * next checkpoint, and the process ends.
 */
export function surviveUncaught(log: Log): AbortSignal {
  const untrusted = new AbortController();
  onUncaught((uncaught) => {
    const { thrown, kind, userError } = uncaught;
    if (userError !== null) {
      const { pipeline, error } = userError;
      const whose = pipeline === null ? {} : { pipeline, stream: error.stream };
      log.error({ ...whose, ...errorFields(error) }, "an error of a pipeline's code reached no run");
    } else if (kind === "rejection" || isOfConnection(uncaught)) {
      log.error({ code: "INTERNAL", error: messageOf(thrown) }, "an error reached nobody; all goes on");
    } else {
      const error = new TidemarkError("INTERNAL", messageOf(thrown), { cause: thrown });
      log.error(errorFields(error), "an error interrupted what it should not; the process drains and ends");
      untrusted.abort();
    }
    return true;
  });
  return untrusted.signal;
}

/** An error of the operating system about a socket or a file, as an emitter without a listener throws it. */
function isOfConnection({ thrown }: Uncaught): boolean {
  return thrown instanceof Error && "syscall" in thrown && "code" in thrown;
}
