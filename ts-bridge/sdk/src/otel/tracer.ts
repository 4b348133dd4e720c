import {
  type Context,
  context as contextApi,
  INVALID_SPAN_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { INFERRED } from "../context/inference.js";
import { randomHex } from "../ids.js";
import { encodeScope } from "../wire/records.js";
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
export class BridgeTracer implements Tracer {
  readonly #host: Host;
  readonly #scope: string;

  constructor(host: Host, name: string, version?: string) {
    this.#host = host;
    this.#scope = encodeScope(name, version);
  }

  startSpan(name: string, options: SpanOptions = {}, context: Context = contextApi.active()): Span {
    const host = this.#host;
    let inferred: Context | undefined;
    let parent = options.root ? undefined : spanContextOf(context);
    if (!host.running || context.getValue(SUPPRESS_TRACING)) {
      return trace.wrapSpanContext(parent ?? INVALID_SPAN_CONTEXT);
    }
    if (!parent && !options.root) {
      inferred = host.inference.current();
      parent = spanContextOf(inferred);
    }
    const sampled = parent ? parent.traceFlags & 1 : Number(Math.random() < host.sampleRate);
    const spanContext: SpanContext = {
      traceId: parent?.traceId ?? randomHex(16),
      spanId: randomHex(8),
      traceFlags: sampled,
      ...(parent?.traceState && { traceState: parent.traceState }),
    };
    if (!sampled) {
      host.onUnsampled();
      return trace.wrapSpanContext(spanContext);
    }
    const above = parent && trace.getSpan(inferred ?? context);
    const activity = above instanceof RecordingSpan ? above.activity : undefined;
    const span = new RecordingSpan(host, this.#scope, spanContext, parent, activity, name, options);
    span.setAttributes({ ...(inferred && INFERRED) });
    span.setAttributes(options.attributes ?? {});
    span.addLinks(options.links ?? []);
    host.onStart(span);
    return span;
  }

  // The API has three forms: (name, fn), (name, options, fn), (name, options, context, fn).
  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    ...rest: unknown[]
  ): ReturnType<F> {
    const fn = rest.pop() as F;
    const [options, context = contextApi.active()] = rest as [SpanOptions?, Context?];
    const span = this.startSpan(name, options, context);
    return contextApi.with(trace.setSpan(context, span), () => fn(span)) as ReturnType<F>;
  }
}
