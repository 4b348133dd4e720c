import {
  type BaggageEntry,
  type Context,
  createTraceState,
  propagation,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
} from "@opentelemetry/api";
import { spanContextOf } from "./tracer.js";

/** W3C Trace Context, §3.2; version ff is forbidden, version 00 has nothing after the flags. */
const TRACEPARENT =
  /^\s*(?!ff|00-.{53})[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-.*)?\s*$/;
/** W3C Baggage, §3.3.2. */
const MAX_BAGGAGE = 8_192;
const MAX_ENTRIES = 180;

/** A `traceparent` header as the API's span context; `undefined` when it is none. */
export function parseTraceparent(header: string): SpanContext | undefined {
  const [, traceId = "", spanId = "", flags = ""] = TRACEPARENT.exec(header) ?? [];
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return trace.isSpanContextValid(context) ? context : undefined;
}

/** W3C Trace Context and Baggage. */
export const w3c: TextMapPropagator = {
  inject(context: Context, carrier: unknown, { set }: TextMapSetter): void {
    const span = spanContextOf(context);
    if (span) {
      set(carrier, "traceparent", `00-${span.traceId}-${span.spanId}-0${span.traceFlags & 1}`);
      const state = span.traceState?.serialize();
      if (state) set(carrier, "tracestate", state);
    }
    const entries = propagation.getBaggage(context)?.getAllEntries() ?? [];
    let header = "";
    for (const [key, { value, metadata }] of entries.slice(0, MAX_ENTRIES)) {
      const member = `${header && ","}${key}=${encodeURIComponent(value)}${metadata ? `;${metadata}` : ""}`;
      if (header.length + member.length <= MAX_BAGGAGE) header += member;
    }
    if (header) set(carrier, "baggage", header);
  },

  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    const read = (name: string) => String(getter.get(carrier, name) ?? "");
    const span = parseTraceparent(read("traceparent"));
    const state = read("tracestate");
    if (span) {
      context = trace.setSpanContext(context, {
        ...span,
        ...(state && { traceState: createTraceState(state) }),
      });
    }
    const baggage = parseBaggage(read("baggage"));
    return baggage ? propagation.setBaggage(context, propagation.createBaggage(baggage)) : context;
  },

  fields: () => ["traceparent", "tracestate", "baggage"],
};

function parseBaggage(header: string): Record<string, BaggageEntry> | undefined {
  if (!header || header.length > MAX_BAGGAGE) return undefined;
  const entries: Record<string, BaggageEntry> = {};
  for (const member of header.split(",", MAX_ENTRIES)) {
    const [, key, value] = /^\s*([^=;\s]+)\s*=\s*([^;\s]*)/.exec(member) ?? [];
    try {
      if (key) entries[key] = { value: decodeURIComponent(value as string) };
    } catch {
      // A member with a broken escape is left out; the others hold.
    }
  }
  return entries;
}
