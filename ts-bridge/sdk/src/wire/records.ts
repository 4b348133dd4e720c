import type { Link, SpanContext } from "@opentelemetry/api";
import { toNanos } from "../clock.js";
import { anyValue, keyValues, quote, quoteText } from "./values.js";

type Values = Readonly<Record<string, unknown>> | undefined;

/** `,"attributes":[…]`, to follow other fields; empty where there are none. */
export function attributesField(...sources: Values[]): string {
  const [json, dropped] = keyValues(sources);
  return (
    (json && `,"attributes":[${json}]`) + (dropped ? `,"droppedAttributesCount":${dropped}` : "")
  );
}

/** What a record says, apart from where it belongs. Times are decimal strings of nanoseconds. */
export interface LogContent {
  _time: string;
  _observed: string;
  severity: number;
  _severityText: string;
  body?: unknown;
  /** The event's name. */
  name: string;
  attributes: Values;
}

/** An OTLP/JSON `LogRecord`. */
export function encodeLog(
  log: LogContent,
  context: SpanContext | undefined,
  more?: Values,
): string {
  return (
    `{"timeUnixNano":"${log._time}","observedTimeUnixNano":"${log._observed}"` +
    `,"severityNumber":${log.severity},"severityText":${quote(log._severityText)}` +
    (log.body === undefined ? "" : `,"body":${anyValue(log.body)}`) +
    (log.name && `,"eventName":${quoteText(log.name)}`) +
    attributesField(log.attributes, more) +
    (context
      ? `,"flags":${context.traceFlags},"traceId":"${context.traceId}","spanId":"${context.spanId}"}`
      : "}")
  );
}

/** An OTLP/JSON `Span.Event`. */
export function encodeEvent(name: string, time: number, values: Values): string {
  return `{"timeUnixNano":"${toNanos(time)}","name":${quoteText(name)}${attributesField(values)}}`;
}

/** An OTLP/JSON `Span.Link`. */
export function encodeLink({ context, attributes }: Link): string {
  const { traceId, spanId, traceFlags } = context;
  return `{"traceId":${quote(traceId)},"spanId":${quote(spanId)},"flags":${traceFlags}${attributesField(attributes)}}`;
}

/** An OTLP/JSON `InstrumentationScope`. */
export function encodeScope(name: string, version?: string): string {
  return `{"name":${quote(name)}${version ? `,"version":${quote(version)}` : ""}}`;
}
