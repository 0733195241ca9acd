import type { Env, MiddlewareHandler } from "hono";
import { parseTraceContext, withTraceContext } from "../trace-context.ts";
import type { Tracing } from "./tracing.ts";

/**
 * Takes a request as part of the trace that its `traceparent` names: what is done for it, and every
 * request made meanwhile, belongs to that trace. Where traces are recorded it is a span of its own.
 */
export function tracedRequests<E extends Env>(tracing: Tracing): MiddlewareHandler<E> {
  return async (context, next) => {
    const { req } = context;
    const given = parseTraceContext(req.header("traceparent"), req.header("tracestate"));
    const work = tracing.enabled
      ? () =>
          tracing.span("tidemark.request", { "http.request.method": req.method }, async (span) => {
            await next();
            const { status } = context.res;
            span.set({ "http.response.status_code": status });
            if (status >= 500) span.failed(new Error(`answered ${status}`));
          })
      : next;
    await (given === null ? work() : withTraceContext(given, work));
  };
}
