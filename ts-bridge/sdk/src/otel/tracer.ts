import { INFERRED } from "../context/inference.js";
import { randomHex } from "../ids.js";
import {
  type Context,
  context as contextApi,
  INVALID_SPAN_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  type Tracer,
  trace,
} from "../opentelemetry.js";
import { toJson } from "../wire/values.js";
import type { Host } from "./host.js";
import { RecordingSpan } from "./span.js";

/** Set by OpenTelemetry's exporters on the context of their own requests. */
export const SUPPRESS_TRACING = Symbol.for("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

/** The span context of *context*, if it is a valid one. */
export function spanContextOf(context: Context | undefined): SpanContext | undefined {
  const found = context && trace.getSpanContext(context);
  return found && trace.isSpanContextValid(found) ? found : undefined;
}

/** A tracer of the bridge, for one instrumentation scope. */
export function makeTracer(host: Host, name: string, version?: string): Tracer {
  const scope = toJson({ name, version });

  function startSpan(
    name: string,
    options: SpanOptions = {},
    context: Context = contextApi.active(),
  ): Span {
    const { root, attributes, links = [] } = options;
    let inferred: Context | undefined;
    let parent = root ? undefined : spanContextOf(context);
    if (!host._running || context.getValue(SUPPRESS_TRACING)) {
      return trace.wrapSpanContext(parent ?? INVALID_SPAN_CONTEXT);
    }
    if (!parent && !root) {
      inferred = host._inference.current();
      parent = spanContextOf(inferred);
    }
    const sampled = parent ? parent.traceFlags & 1 : +(Math.random() < host._sampleRate);
    const spanContext: SpanContext = {
      traceId: randomHex(16),
      ...parent,
      spanId: randomHex(8),
      traceFlags: sampled,
      isRemote: false,
    };
    if (!sampled) {
      host._onUnsampled();
      return trace.wrapSpanContext(spanContext);
    }
    const above = parent && trace.getSpan(inferred ?? context);
    const activity = above instanceof RecordingSpan ? above.activity : undefined;
    const span = new RecordingSpan(host, scope, spanContext, parent, activity, name, options);
    span.setAttributes(inferred && INFERRED);
    span.setAttributes(attributes);
    span.addLinks(links);
    host._onStart(span);
    return span;
  }

  return {
    startSpan,
    // The API has three forms: (name, fn), (name, options, fn), (name, options, context, fn).
    startActiveSpan<F extends (span: Span) => unknown>(
      name: string,
      ...rest: unknown[]
    ): ReturnType<F> {
      const fn = rest.pop() as F;
      const [options, context = contextApi.active()] = rest as [SpanOptions?, Context?];
      const span = startSpan(name, options, context);
      return contextApi.with(trace.setSpan(context, span), () => fn(span)) as ReturnType<F>;
    },
  };
}
