import {
  type BaggageEntry,
  type Context,
  createTraceState,
  propagation,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
} from "@opentelemetry/api";

const TRACEPARENT = "traceparent";
const TRACESTATE = "tracestate";
const BAGGAGE = "baggage";

/** W3C Trace Context, §3.2; version ff is forbidden, version 00 has nothing after the flags. */
const TRACEPARENT_FORM = /^(?!ff)([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/** W3C Baggage, §3.3.2. */
const MAX_BAGGAGE_LENGTH = 8_192;
const MAX_BAGGAGE_ENTRIES = 180;

/** A `traceparent` header as the API's span context; `undefined` when it is none. */
export function parseTraceparent(header: string) {
  const match = TRACEPARENT_FORM.exec(header.trim());
  if (!match || (match[1] === "00" && match[5])) return undefined;
  const context = {
    traceId: match[2] as string,
    spanId: match[3] as string,
    traceFlags: Number.parseInt(match[4] as string, 16),
    isRemote: true,
  };
  return trace.isSpanContextValid(context) ? context : undefined;
}

/** W3C Trace Context and Baggage. */
export class W3CPropagator implements TextMapPropagator {
  inject<Carrier>(context: Context, carrier: Carrier, setter: TextMapSetter<Carrier>): void {
    const span = trace.getSpanContext(context);
    if (span && trace.isSpanContextValid(span)) {
      const flags = (span.traceFlags & 1).toString().padStart(2, "0");
      setter.set(carrier, TRACEPARENT, `00-${span.traceId}-${span.spanId}-${flags}`);
      const state = span.traceState?.serialize();
      if (state) setter.set(carrier, TRACESTATE, state);
    }
    const baggage = serialize(propagation.getBaggage(context)?.getAllEntries() ?? []);
    if (baggage) setter.set(carrier, BAGGAGE, baggage);
  }

  extract<Carrier>(context: Context, carrier: Carrier, getter: TextMapGetter<Carrier>): Context {
    const read = (name: string) => [getter.get(carrier, name) ?? []].flat().join(",");
    const span = parseTraceparent(read(TRACEPARENT));
    if (span) {
      const state = read(TRACESTATE);
      const traceState = state ? createTraceState(state) : undefined;
      context = trace.setSpanContext(context, { ...span, ...(traceState && { traceState }) });
    }
    const entries = deserialize(read(BAGGAGE));
    return entries
      ? propagation.setBaggage(context, propagation.createBaggage(entries))
      : context;
  }

  fields(): string[] {
    return [TRACEPARENT, TRACESTATE, BAGGAGE];
  }
}

function serialize(entries: [string, BaggageEntry][]): string {
  let header = "";
  for (const [key, { value, metadata }] of entries.slice(0, MAX_BAGGAGE_ENTRIES)) {
    const member = `${key}=${encodeURIComponent(value)}${metadata ? `;${metadata}` : ""}`;
    const longer = header ? `${header},${member}` : member;
    if (longer.length <= MAX_BAGGAGE_LENGTH) header = longer;
  }
  return header;
}

function deserialize(header: string): Record<string, BaggageEntry> | undefined {
  if (!header || header.length > MAX_BAGGAGE_LENGTH) return undefined;
  const entries: Record<string, BaggageEntry> = {};
  for (const member of header.split(",").slice(0, MAX_BAGGAGE_ENTRIES)) {
    const [, key, value] = /^\s*([^=;\s]+)\s*=\s*([^;]*?)\s*(?:;|$)/.exec(member) ?? [];
    if (!key || value === undefined) continue;
    try {
      entries[key] = { value: decodeURIComponent(value) };
    } catch {
      // A member with a broken escape is left out; the others hold.
    }
  }
  return entries;
}
