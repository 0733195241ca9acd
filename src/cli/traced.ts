import type { Pipeline } from "../engine/ports.ts";
import type { RunResult } from "../engine/run/result.ts";
import { tracedRun } from "../observability/traced-run.ts";
import { openTracing } from "../observability/tracing.ts";
import type { StateStore } from "../state/contract.ts";
import { parseTraceContext, withTraceContext } from "../trace-context.ts";
import { version } from "../version.ts";

/**
 * Makes one run as part of the trace that the environment names in `TRACEPARENT`, as what starts
 * commands hands it on; and in spans where traces are recorded.
 */
export async function traced<P extends Pipeline, R extends RunResult>(
  pipeline: P,
  state: StateStore,
  run: (pipeline: P, state: StateStore) => Promise<R>,
): Promise<R> {
  const tracing = await openTracing(version());
  const given = parseTraceContext(process.env.TRACEPARENT, process.env.TRACESTATE);
  const work = () => tracedRun(tracing, pipeline, state, run);
  return given === null ? work() : withTraceContext(given, work);
}
