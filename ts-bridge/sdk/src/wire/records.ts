import type { Link, SpanContext } from "@opentelemetry/api";
import { toNanos } from "../clock.js";
import { cleanText, type KeyValue, keyValues } from "./values.js";

type Values = Readonly<Record<string, unknown>> | undefined;

/** OTLP/JSON's fields for attributes; what is `undefined` is not written. */
export interface AttributeFields {
  attributes: readonly KeyValue[] | undefined;
  droppedAttributesCount: number | undefined;
}

export function attributeFields(...sources: Values[]): AttributeFields {
  const [list, dropped] = keyValues(sources);
  return { attributes: list[0] && list, droppedAttributesCount: dropped || undefined };
}

/** Ids and flags, by the names that an OTLP/JSON log record, span and link share. */
export function contextFields({ traceId, spanId, traceFlags }: SpanContext): object {
  return { traceId, spanId, flags: traceFlags };
}

/** An OTLP/JSON `Span.Event`. */
export function spanEvent(name: string, time: number, values: Values): object {
  return { timeUnixNano: toNanos(time), name: cleanText(name), ...attributeFields(values) };
}

/** An OTLP/JSON `Span.Link`. */
export function spanLink({ context, attributes }: Link): object {
  return { ...contextFields(context), ...attributeFields(attributes) };
}
