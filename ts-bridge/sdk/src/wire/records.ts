import type { Link, SpanContext } from "@opentelemetry/api";
import { toNanos } from "../clock.js";
import { anyValue, attributeList, quote, quoteText } from "./values.js";

type Values = Readonly<Record<string, unknown>>;

/** A log record on its way to OTLP/JSON. Times are unix milliseconds. */
export interface LogFields {
  time: string;
  observed: string;
  severity: number;
  severityText: string;
  body: unknown;
  eventName?: string | undefined;
  attributes: Values | undefined;
  context: SpanContext | undefined;
}

/** A span on its way to OTLP/JSON. Without `end` it is one that has begun. */
export interface SpanFields {
  context: SpanContext;
  parentSpanId: string | undefined;
  name: string;
  /** OTLP's number, one more than the API's. */
  kind: number;
  start: string;
  end?: string;
  attributes: Values;
  /** Already encoded, each by {@link encodeEvent} or {@link encodeLink}. */
  events: readonly string[];
  links: readonly string[];
  droppedEvents: number;
  status: { code: number; message?: string | undefined };
}

function attributes(...sources: (Values | undefined)[]): string {
  const { json, dropped } = attributeList(...sources);
  return (
    (json ? `,"attributes":[${json}]` : "") + (dropped ? `,"droppedAttributesCount":${dropped}` : "")
  );
}

/** An OTLP/JSON `LogRecord`. */
export function encodeLog(log: LogFields, ...more: (Values | undefined)[]): string {
  const { context } = log;
  return (
    `{"timeUnixNano":"${log.time}","observedTimeUnixNano":"${log.observed}"` +
    `,"severityNumber":${log.severity},"severityText":${quote(log.severityText)}` +
    (log.body === undefined ? "" : `,"body":${anyValue(log.body)}`) +
    (log.eventName ? `,"eventName":${quote(log.eventName)}` : "") +
    attributes(log.attributes, ...more) +
    (context
      ? `,"flags":${context.traceFlags},"traceId":"${context.traceId}","spanId":"${context.spanId}"}`
      : "}")
  );
}

/** An OTLP/JSON `Span`. */
export function encodeSpan(span: SpanFields, ...more: (Values | undefined)[]): string {
  const { context, status } = span;
  const state = context.traceState?.serialize();
  return (
    `{"traceId":"${context.traceId}","spanId":"${context.spanId}"` +
    (span.parentSpanId ? `,"parentSpanId":"${span.parentSpanId}"` : "") +
    (state ? `,"traceState":${quote(state)}` : "") +
    `,"flags":${context.traceFlags},"name":${quoteText(span.name)},"kind":${span.kind}` +
    `,"startTimeUnixNano":"${span.start}"` +
    (span.end ? `,"endTimeUnixNano":"${span.end}"` : "") +
    attributes(span.attributes, ...more) +
    (span.events.length ? `,"events":[${span.events}]` : "") +
    (span.droppedEvents ? `,"droppedEventsCount":${span.droppedEvents}` : "") +
    (span.links.length ? `,"links":[${span.links}]` : "") +
    (status.code
      ? `,"status":{"code":${status.code}${status.message ? `,"message":${quoteText(status.message)}` : ""}}}`
      : "}")
  );
}

/** An OTLP/JSON `Span.Event`. */
export function encodeEvent(name: string, time: number, values: Values | undefined): string {
  return `{"timeUnixNano":"${toNanos(time)}","name":${quoteText(name)}${attributes(values)}}`;
}

/** An OTLP/JSON `Span.Link`. */
export function encodeLink({ context, attributes: values }: Link): string {
  const { traceId, spanId, traceFlags } = context;
  return `{"traceId":${quote(traceId)},"spanId":${quote(spanId)},"flags":${traceFlags}${attributes(values as Values)}}`;
}

/** An OTLP/JSON `InstrumentationScope`. */
export function encodeScope(name: string, version?: string): string {
  return `{"name":${quote(name)}${version ? `,"version":${quote(version)}` : ""}}`;
}

/** A resource's attributes as the `KeyValue` list of `hello`. */
export function encodeResource(values: Values): string {
  return `[${attributeList(values).json}]`;
}
