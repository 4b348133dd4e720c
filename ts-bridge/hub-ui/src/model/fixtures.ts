/** Short ways to write spans and logs in tests. Times are whole nanoseconds after {@link BASE}. */

import type { GenAI, GenAIKind, Log, Span } from "../api.ts";

/** A moment that a number cannot hold exactly. */
export const BASE = 1_763_635_830_123_456_789n;

export function time(offset: number): string {
  return String(BASE + BigInt(offset));
}

export function span(id: string, parent: string | null, start: number, end: number | null): Span {
  return {
    trace_id: "t",
    span_id: id,
    parent_span_id: parent,
    name: id,
    kind: "internal",
    service: "s",
    scope: { name: "", version: "" },
    start_time_unix_nano: time(start),
    duration_nano: end === null ? null : end - start,
    state: end === null ? "open" : "ended",
    status: "unset",
    status_message: "",
    attributes: {},
    events: [],
    links: [],
    genai: null,
  };
}

export function log(id: string, spanId: string | null, at: number, more: Partial<Log> = {}): Log {
  return {
    id,
    trace_id: "t",
    span_id: spanId,
    time_unix_nano: time(at),
    observed_time_unix_nano: time(at),
    severity_number: 9,
    severity_text: "INFO",
    service: "s",
    scope: { name: "", version: "" },
    body: id,
    event_name: "",
    attributes: {},
    ...more,
  };
}

export function genai(kind: GenAIKind, more: Partial<GenAI> = {}): GenAI {
  return {
    kind,
    agent: null,
    model: null,
    provider: null,
    tool: null,
    target: null,
    conversation: null,
    usage: null,
    messages: null,
    ...more,
  };
}
