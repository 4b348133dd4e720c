import {
  type Context,
  context as contextApi,
  INVALID_TRACEID,
  type Span,
  type SpanContext,
  type SpanOptions,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import type { Inference } from "../context/inference.js";
import { INFERRED } from "../context/inference.js";
import { randomHex } from "../ids.js";
import { encodeScope } from "../wire/records.js";
import { RecordingSpan, type SpanObserver } from "./span.js";

/** Set by OpenTelemetry's exporters on the context of their own requests. */
export const SUPPRESS_TRACING = Symbol.for("OpenTelemetry SDK Context Key SUPPRESS_TRACING");
const SAMPLED = 1;

/** What the tracers of one bridge share. */
export interface TracerHost extends SpanObserver {
  /** False after `stop()`: tracers that were handed out make spans that are not kept. */
  readonly running: boolean;
  /** Share of new traces that is kept, 0 to 1. */
  readonly sampleRate: number;
  readonly inference: Inference;
  onStart(span: RecordingSpan): void;
  onUnsampled(): void;
}

/** A `TracerProvider` that does what a page needs and no more. */
export class BridgeTracerProvider implements TracerProvider {
  readonly #host: TracerHost;
  readonly #tracers = new Map<string, Tracer>();

  constructor(host: TracerHost) {
    this.#host = host;
  }

  getTracer(name: string, version?: string): Tracer {
    const scope = encodeScope(name, version);
    let tracer = this.#tracers.get(scope);
    if (!tracer) {
      tracer = new BridgeTracer(this.#host, scope);
      this.#tracers.set(scope, tracer);
    }
    return tracer;
  }
}

type ActiveSpanFn<R> = (span: Span) => R;

class BridgeTracer implements Tracer {
  readonly #host: TracerHost;
  readonly #scope: string;

  constructor(host: TracerHost, scope: string) {
    this.#host = host;
    this.#scope = scope;
  }

  startSpan(name: string, options: SpanOptions = {}, context: Context = contextApi.active()): Span {
    const host = this.#host;
    let parent = options.root ? undefined : trace.getSpan(context);
    if (!host.running || context.getValue(SUPPRESS_TRACING)) {
      return trace.wrapSpanContext(parent?.spanContext() ?? NOWHERE);
    }
    const inferred = !parent && !options.root ? host.inference.current() : undefined;
    if (inferred) parent = trace.getSpan(inferred);
    const above = validContext(parent);
    const traceFlags = above ? above.traceFlags & SAMPLED : sample(host.sampleRate);
    const spanContext: SpanContext = {
      traceId: above?.traceId ?? randomHex(16),
      spanId: randomHex(8),
      traceFlags,
      ...(above?.traceState && { traceState: above.traceState }),
    };
    if (!traceFlags) {
      host.onUnsampled();
      return trace.wrapSpanContext(spanContext);
    }
    const span = new RecordingSpan(host, spanContext, {
      name,
      kind: options.kind ?? 0,
      scope: this.#scope,
      parentSpanId: above?.spanId,
      activity: parent instanceof RecordingSpan ? parent.activity : undefined,
      startTime: options.startTime,
    });
    if (inferred) span.setAttributes(INFERRED);
    if (options.attributes) span.setAttributes(options.attributes);
    if (options.links) span.addLinks(options.links);
    host.onStart(span);
    return span;
  }

  startActiveSpan<R>(
    name: string,
    ...rest:
      | [ActiveSpanFn<R>]
      | [SpanOptions, ActiveSpanFn<R>]
      | [SpanOptions, Context, ActiveSpanFn<R>]
  ): R {
    const fn = rest.at(-1) as ActiveSpanFn<R>;
    const options = rest.length > 1 ? (rest[0] as SpanOptions) : {};
    const context = rest.length > 2 ? (rest[1] as Context) : contextApi.active();
    const span = this.startSpan(name, options, context);
    return contextApi.with(trace.setSpan(context, span), () => fn(span));
  }
}

const NOWHERE: SpanContext = { traceId: INVALID_TRACEID, spanId: "0".repeat(16), traceFlags: 0 };

function validContext(span: Span | undefined): SpanContext | undefined {
  const context = span?.spanContext();
  return context && trace.isSpanContextValid(context) ? context : undefined;
}

function sample(rate: number): number {
  return rate >= 1 || Math.random() < rate ? SAMPLED : 0;
}
