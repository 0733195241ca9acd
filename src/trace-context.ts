import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Which trace a piece of work belongs to, as the W3C's Trace Context says it. It follows the work
 * through everything asynchronous, so that what makes a request need not be handed it.
 */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** The span that the work is a part of: 16 hexadecimal digits. */
  readonly spanId: string;
  /** The lowest bit says whether the trace is recorded. */
  readonly flags: number;
  /** What tracing systems keep for themselves, handed on as it came. */
  readonly state: string | null;
}

const storage = new AsyncLocalStorage<TraceContext>();

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const longestState = 512;

/**
 * Reads the headers `traceparent` and `tracestate`; null where the first is missing or not of its
 * form, and the second then means nothing.
 */
export function parseTraceContext(
  traceparent: string | undefined | null,
  tracestate?: string | null,
): TraceContext | null {
  const [, version, traceId, spanId, flags, more] = form.exec(traceparent?.trim() ?? "") ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined)
    return null;
  // Versions to come may say more at the end; the first may not.
  if (version === "ff" || (version === "00" && more !== undefined)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  const state = tracestate?.trim() ?? "";
  const isUsable = state !== "" && state.length <= longestState && /^[\x20-\x7e]+$/.test(state);
  return { traceId, spanId, flags: Number.parseInt(flags, 16), state: isUsable ? state : null };
}

/** Does work as part of a trace. */
export function withTraceContext<T>(context: TraceContext, work: () => T): T {
  return storage.run(context, work);
}

/** The trace that goes on here; null where there is none. */
export function traceContext(): TraceContext | null {
  return storage.getStore() ?? null;
}

/** The headers that hand the trace on to whoever a request goes to; none where there is no trace. */
export function traceHeaders(): Readonly<Record<string, string>> {
  const context = storage.getStore();
  if (context === undefined) return noHeaders;
  const { traceId, spanId, flags, state } = context;
  const traceparent = `00-${traceId}-${spanId}-${(flags & 1).toString(16).padStart(2, "0")}`;
  return state === null ? { traceparent } : { traceparent, tracestate: state };
}

const noHeaders: Readonly<Record<string, string>> = {};
