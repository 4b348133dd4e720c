import {
  createTraceState,
  type SpanContext,
  type TextMapPropagator,
  trace,
} from "../opentelemetry.js";
import { spanContextOf } from "./tracer.js";

/** W3C Trace Context, §3.2; version ff is forbidden, version 00 has nothing after the flags. */
const TRACEPARENT =
  /^\s*(?!ff|00-.{53})[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-.*)?\s*$/;

/** A `traceparent` header as the API's span context; `undefined` when it is none. */
export function parseTraceparent(header: string): SpanContext | undefined {
  const [, traceId = "", spanId = "", flags = ""] = TRACEPARENT.exec(header) ?? [];
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return trace.isSpanContextValid(context) ? context : undefined;
}

/** What is handed on beside the trace. */
export type Companion = Pick<TextMapPropagator, "inject" | "extract">;

/** W3C Trace Context, and what was added to it: `baggage()`. */
export interface Propagator extends TextMapPropagator {
  readonly more: Set<Companion>;
}

export function makePropagator(): Propagator {
  const more = new Set<Companion>();
  return {
    more,
    inject(context, carrier, setter) {
      const span = spanContextOf(context);
      if (span) {
        const { traceId, spanId, traceFlags, traceState } = span;
        setter.set(carrier, "traceparent", `00-${traceId}-${spanId}-0${traceFlags & 1}`);
        const state = traceState?.serialize();
        if (state) setter.set(carrier, "tracestate", state);
      }
      for (const other of more) other.inject(context, carrier, setter);
    },
    extract(context, carrier, getter) {
      const span = parseTraceparent(String(getter.get(carrier, "traceparent") ?? ""));
      const state = getter.get(carrier, "tracestate");
      if (span) {
        const traceState = createTraceState(String(state ?? ""));
        context = trace.setSpanContext(context, { ...span, traceState });
      }
      for (const other of more) context = other.extract(context, carrier, getter);
      return context;
    },
    /** All that may be written, whether or not `baggage()` is plugged in. */
    fields: () => ["traceparent", "tracestate", "baggage"],
  };
}
