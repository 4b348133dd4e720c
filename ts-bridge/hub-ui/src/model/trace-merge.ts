/** Takes items of the live feed into a trace that is already on screen. */

import type { LiveItem, Log, Span, Trace, TraceState } from "../api.ts";
import { compareTime, offsetNano } from "./time.ts";

/** Of two reports of one span, the one that knows more: an end is the last word, a loss is not. */
export function newerSpan(old: Span | undefined, incoming: Span): Span {
  if (old === undefined) return incoming;
  if (old.state === "ended" && incoming.state !== "ended") return old;
  // The live feed has no resource index; the one from the full answer stays true.
  return old.resource === undefined || incoming.resource !== undefined
    ? incoming
    : { ...incoming, resource: old.resource };
}

/**
 * The trace with the items of it taken in; the same object when none concern it.
 * A trace that is not there yet (`null`) begins with its first item.
 */
export function mergeLive(
  trace: Trace | null,
  traceId: string,
  items: readonly LiveItem[],
): Trace | null {
  const own = items.filter((item) => item.trace_id === traceId);
  if (own.length === 0) return trace;
  const spans = new Map(trace?.spans.map((span) => [span.span_id, span]));
  const logs = new Map(trace?.logs.map((log) => [log.id, log]));
  for (const item of own) {
    if (item.t === "log") {
      const { t: _t, ...log } = item;
      if (!logs.has(log.id)) logs.set(log.id, log);
    } else {
      const { t: _t, ...span } = item;
      spans.set(span.span_id, newerSpan(spans.get(span.span_id), span));
    }
  }
  return summarise(traceId, trace, [...spans.values()], [...logs.values()]);
}

/** The trace as the hub last told it, with what the live feed has brought since kept in. */
export function mergeFetched(known: Trace | null, fetched: Trace): Trace {
  if (known === null) return fetched;
  const spans = new Map(fetched.spans.map((span) => [span.span_id, span]));
  for (const span of known.spans) {
    const other = spans.get(span.span_id);
    spans.set(span.span_id, other === undefined ? span : newerSpan(span, other));
  }
  const logs = new Map(fetched.logs.map((log) => [log.id, log]));
  for (const log of known.logs) if (!logs.has(log.id)) logs.set(log.id, log);
  if (spans.size === fetched.spans.length && logs.size === fetched.logs.length) return fetched;
  return summarise(fetched.trace_id, fetched, [...spans.values()], [...logs.values()]);
}

function summarise(traceId: string, before: Trace | null, spans: Span[], logs: Log[]): Trace {
  spans.sort((a, b) => compareTime(a.start_time_unix_nano, b.start_time_unix_nano));
  logs.sort((a, b) => compareTime(a.time_unix_nano, b.time_unix_nano));
  const start = spans[0]?.start_time_unix_nano ?? logs[0]?.time_unix_nano ?? "0";
  let duration = 0;
  const services = new Map<string, number>();
  for (const span of spans) {
    const offset = offsetNano(span.start_time_unix_nano, start);
    duration = Math.max(duration, offset + (span.duration_nano ?? 0));
    services.set(span.service, (services.get(span.service) ?? 0) + 1);
  }
  const root = spans.find((span) => span.parent_span_id === null);
  return {
    trace_id: traceId,
    name: root?.name ?? before?.name ?? spans[0]?.name ?? "",
    state: stateOf(spans),
    start_time_unix_nano: start,
    end_time_unix_nano: fromNano(start, duration),
    duration_nano: duration,
    span_count: Math.max(spans.length, before?.span_count ?? 0),
    error_count: spans.filter((span) => span.status === "error").length,
    log_count: Math.max(logs.length, before?.log_count ?? 0),
    services: [...services].map(([name, span_count]) => ({ name, span_count })),
    resources: before?.resources ?? [],
    spans,
    logs,
    truncated: before?.truncated ?? false,
  };
}

function fromNano(start: string, nanos: number): string {
  return String(BigInt(start) + BigInt(Math.round(nanos)));
}

/** `open` while a span runs; otherwise `lost` when one was lost. */
export function stateOf(spans: readonly Span[]): TraceState {
  if (spans.some((span) => span.state === "open")) return "open";
  return spans.some((span) => span.state === "lost") ? "lost" : "complete";
}
