import type { Link } from "@opentelemetry/api";
import { toNanos } from "../clock.js";
import { cleanText, keyValues } from "./values.js";

type Values = Readonly<Record<string, unknown>> | undefined;

/**
 * Adds attributes to the fields of an OTLP/JSON record.
 *
 * Written into the same object: engines are slow at spreading one into the middle of another.
 */
export function withAttributes(fields: Record<string, unknown>, ...sources: Values[]): object {
  const [list, dropped] = keyValues(sources);
  if (list.length) fields.attributes = list;
  if (dropped) fields.droppedAttributesCount = dropped;
  return fields;
}

/** An OTLP/JSON `Span.Event`. */
export function spanEvent(name: string, time: number, values: Values): object {
  return withAttributes({ timeUnixNano: toNanos(time), name: cleanText(name) }, values);
}

/** An OTLP/JSON `Span.Link`. */
export function spanLink({ context, attributes }: Link): object {
  const { traceId, spanId, traceFlags } = context;
  return withAttributes({ traceId, spanId, flags: traceFlags }, attributes);
}
