import { expect, test } from "vitest";
import { parseTraceContext, traceContext, traceHeaders, withTraceContext } from "./trace-context.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const parent = `00-${traceId}-${spanId}-01`;

test("a trace is handed on as it came", () => {
  const context = parseTraceContext(parent, " congo=t61rcWkgMzE,rojo=00f067aa0ba902b7 ");
  expect(context).toEqual({ traceId, spanId, flags: 1, state: "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7" });
  if (context === null) return;
  expect(withTraceContext(context, traceHeaders)).toEqual({
    traceparent: parent,
    tracestate: "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
  });
});

test.each([
  ["nothing", undefined],
  ["no digits", "00-xyz-abc-01"],
  ["capitals", parent.toUpperCase()],
  ["a trace of zeros", `00-${"0".repeat(32)}-${spanId}-01`],
  ["a span of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
  ["the version that is none", `ff-${traceId}-${spanId}-01`],
  ["more than the first version has", `${parent}-more`],
  ["a line break", `${parent}\nx: y`],
])("what is no trace is left alone: %s", (_, header) => {
  expect(parseTraceContext(header, "a=b")).toBeNull();
});

test("a later version is read as far as it is known", () => {
  expect(parseTraceContext(`01-${traceId}-${spanId}-03-more`)).toEqual({
    traceId,
    spanId,
    flags: 3,
    state: null,
  });
});

test("a state that cannot be sent is dropped, and the trace kept", () => {
  expect(parseTraceContext(parent, `a=${"b".repeat(600)}`)?.state).toBeNull();
  expect(parseTraceContext(parent, "a=ü")?.state).toBeNull();
});

test("a trace follows the work and no other", async () => {
  const context = parseTraceContext(parent);
  if (context === null) throw new Error("it is one");
  const seen = await withTraceContext(context, async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return traceContext();
  });
  expect(seen).toBe(context);
  expect(traceContext()).toBeNull();
  expect(traceHeaders()).toEqual({});
});
