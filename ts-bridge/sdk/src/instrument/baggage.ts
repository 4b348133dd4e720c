import {
  type BaggageEntry,
  type Context,
  propagation,
  type TextMapGetter,
  type TextMapSetter,
} from "../opentelemetry.js";
import type { Instrumentation } from "../options.js";
import type { Companion } from "../otel/propagator.js";

/** W3C Baggage, §3.3.2. */
const MAX_LENGTH = 8_192;
const MAX_ENTRIES = 180;

/**
 * Hands baggage on, beside the trace: entries that `propagation.setBaggage` put into the context, for
 * example `correlation.id`. Left out of the core, because few pages have any.
 */
export function baggage(): Instrumentation {
  return ({ propagator }) => {
    propagator.more.add(w3cBaggage);
    return () => propagator.more.delete(w3cBaggage);
  };
}

const w3cBaggage: Companion = {
  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    const entries = propagation.getBaggage(context)?.getAllEntries() ?? [];
    let header = "";
    for (const [key, { value, metadata }] of entries.slice(0, MAX_ENTRIES)) {
      const member = `${header && ","}${key}=${encodeURIComponent(value)}${metadata ? `;${metadata}` : ""}`;
      if (header.length + member.length <= MAX_LENGTH) header += member;
    }
    if (header) setter.set(carrier, "baggage", header);
  },

  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    const header = String(getter.get(carrier, "baggage") ?? "");
    if (!header || header.length > MAX_LENGTH) return context;
    const entries: Record<string, BaggageEntry> = {};
    for (const member of header.split(",", MAX_ENTRIES)) {
      const [, key, value] = /^\s*([^=;\s]+)\s*=\s*([^;\s]*)/.exec(member) ?? [];
      try {
        if (key) entries[key] = { value: decodeURIComponent(value as string) };
      } catch {
        // A member with a broken escape is left out; the others hold.
      }
    }
    return propagation.setBaggage(context, propagation.createBaggage(entries));
  },
};
