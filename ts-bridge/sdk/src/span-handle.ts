import {
  type AttributeValue,
  type Context,
  context as contextApi,
  type Span,
  trace,
} from "./opentelemetry.js";
import { describeException, exceptionAttributes } from "./wire/exceptions.js";

/**
 * A span that you hold in your hand, so that what you start through it becomes its child even where
 * the browser has forgotten who asked: after an `await`.
 */
export class BridgeSpan {
  /** The span as `@opentelemetry/api` knows it: for events, links and all else. */
  readonly otel: Span;
  /** The context in which it is active. */
  readonly context: Context;

  constructor(span: Span, parent: Context) {
    this.otel = span;
    this.context = trace.setSpan(parent, span);
  }

  get traceId(): string {
    return this.otel.spanContext().traceId;
  }

  get spanId(): string {
    return this.otel.spanContext().spanId;
  }

  setAttribute(key: string, value: unknown): this {
    this.otel.setAttribute(key, value as AttributeValue);
    return this;
  }

  /** Records *error* and marks the span as failed; it stays open. */
  fail(error: unknown): this {
    const attributes = exceptionAttributes(error);
    this.otel.recordException(error as Error);
    this.otel.setAttribute("error.type", attributes["exception.type"] as string);
    this.otel.setStatus({ code: 2, message: describeException(attributes) });
    return this;
  }

  /** Runs *fn* with this span active: spans, records and requests begun in it are its children. */
  run<T>(fn: () => T): T {
    return contextApi.with(this.context, fn);
  }

  /** `fetch` as a child of this span. Needs `fetchSpans()` plugged in to be traced. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    return this.run(() => globalThis.fetch(input, init));
  }

  /** Ends the span now; a second time does nothing. */
  end(): void {
    this.otel.end();
  }
}
