import type { Context, Span } from "@opentelemetry/api";
import { messageOf, TidemarkError } from "../errors.ts";
import { traceContext, withTraceContext } from "../trace-context.ts";

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** The methods of an open span. */
export interface OpenSpan {
  set(attributes: SpanAttributes): void;
  /** Marks it as failed, where nothing is thrown. */
  failed(error: unknown): void;
}

/** Records what work is made of, for whoever collects traces. */
export interface Tracing {
  /** Whether spans are recorded at all; without it, nothing needs to be wrapped. */
  readonly enabled: boolean;
  /**
   * Does work inside a span, which is a part of the span or the trace around it. Requests that the work makes hand the
   * span on. An error of the work is recorded in the span and thrown again.
   */
  span<T>(name: string, attributes: SpanAttributes, work: (span: OpenSpan) => Promise<T>): Promise<T>;
}

const silentSpan: OpenSpan = { set() {}, failed() {} };

/** Records nothing. */
export const noTracing: Tracing = { enabled: false, span: (_name, _attributes, work) => work(silentSpan) };

type Api = typeof import("@opentelemetry/api");

/**
 * Tracing by OpenTelemetry, where its API is installed and an SDK has been registered, as by
 * `NODE_OPTIONS="--import ./tracing.mjs"`; and none otherwise, at no cost.
 */
export async function openTracing(version: string): Promise<Tracing> {
  if (!hasSdk()) return noTracing;
  const api = await import("@opentelemetry/api").catch(() => null);
  if (api === null) return noTracing;
  const tracer = api.trace.getTracer("tidemark", version);
  return {
    enabled: true,
    span: (name, attributes, work) =>
      tracer.startActiveSpan(name, { attributes: { ...attributes } }, around(api), (span) =>
        withTraceContext(contextOf(span), () => settled(api, span, work)),
      ),
  };
}

/** Where OpenTelemetry's API keeps what has been registered, so that asking costs nothing where nothing has. */
function hasSdk(): boolean {
  const registered: unknown = Reflect.get(globalThis, Symbol.for("opentelemetry.js.api.1"));
  return typeof registered === "object" && registered !== null && "trace" in registered;
}

/** The span around this one: OpenTelemetry's own, or else that of the trace that came with a request. */
function around(api: Api): Context {
  const active = api.context.active();
  const given = traceContext();
  if (given === null || api.trace.getSpan(active) !== undefined) return active;
  return api.trace.setSpanContext(active, {
    traceId: given.traceId,
    spanId: given.spanId,
    traceFlags: given.flags,
    isRemote: true,
    ...(given.state === null ? {} : { traceState: api.createTraceState(given.state) }),
  });
}

function contextOf(span: Span) {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  return { traceId, spanId, flags: traceFlags, state: traceState?.serialize() ?? null };
}

async function settled<T>(api: Api, span: Span, work: (span: OpenSpan) => Promise<T>): Promise<T> {
  const failed = (error: unknown): void => {
    const message = messageOf(error);
    const name = error instanceof TidemarkError ? error.code : error instanceof Error ? error.name : "Error";
    span.recordException({ name, message });
    span.setStatus({ code: api.SpanStatusCode.ERROR, message });
  };
  try {
    return await work({ set: (attributes) => span.setAttributes({ ...attributes }), failed });
  } catch (error) {
    failed(error);
    throw error;
  } finally {
    span.end();
  }
}
