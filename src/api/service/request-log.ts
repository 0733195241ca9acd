import type { MiddlewareHandler } from "hono";
import type { Clock } from "../../clock.ts";
import { docsPaths } from "../docs/pages.ts";
import type { Env } from "./env.ts";
import type { ServiceLogger } from "./logger.ts";
import { faultFields } from "./problems.ts";

/** The service's logger and metrics. */
export interface ServiceMetrics {
  /** Called once a request, when it is answered. */
  observeRequest(request: ObservedRequest): void;
  /** What `/metrics` answers; without it there is no such route. */
  readonly scrape?: () => Promise<{ readonly contentType: string; readonly body: string }>;
}

export interface ObservedRequest {
  readonly method: string;
  /** The route's template, as `/v1/streams/{connector}/{stream}/begin`; `unmatched` where there is none. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
  /** The code of the problem that was answered; null for none. */
  readonly code: string | null;
}

/** Logs each request, once, when it is answered, with what it was about; and counts it. */
export function observed(
  clock: Clock,
  logger: ServiceLogger,
  metrics: ServiceMetrics | undefined,
): MiddlewareHandler<Env> {
  return async (context, next) => {
    const start = clock.elapsed();
    await next();
    const milliseconds = clock.elapsed() - start;
    const { method } = context.req;
    const route = context.get("route") ?? openRoute(context.req.path);
    const { status } = context.res;
    const code = context.get("code") ?? null;
    metrics?.observeRequest({ method, route, status, seconds: milliseconds / 1000, code });
    const thrown = context.get("thrown");
    const fields = {
      request_id: context.get("requestId"),
      method,
      route,
      status,
      ms: Math.round(milliseconds * 10) / 10,
      key: context.get("principal")?.id ?? null,
      ...context.get("about"),
      ...(code === null ? {} : { code }),
      ...(thrown === undefined ? {} : faultFields(thrown)),
    };
    if (thrown !== undefined) logger.error(fields, "request failed");
    else if (route.startsWith("/v1") || status >= 400) logger.info(fields, "request");
  };
}

const open = new Set(["/healthz", "/readyz", "/metrics", ...docsPaths]);

function openRoute(path: string): string {
  return open.has(path) ? path : "unmatched";
}
