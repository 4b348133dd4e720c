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
export interface BridgeSpan {
  /** The span as `@opentelemetry/api` knows it: for events, links and all else. */
  readonly otel: Span;
  /** The context in which it is active. */
  readonly context: Context;
  readonly traceId: string;
  readonly spanId: string;
  setAttribute(key: string, value: unknown): this;
  /** Records *error* and marks the span as failed; it stays open. */
  fail(error: unknown): this;
  /** Runs *fn* with this span active: spans, records and requests begun in it are its children. */
  run<T>(fn: () => T): T;
  /** `fetch` as a child of this span. Needs `fetchSpans()` plugged in to be traced. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Ends the span now; a second time does nothing. */
  end(): void;
}

export function spanHandle(otel: Span, parent: Context): BridgeSpan {
  const { traceId, spanId } = otel.spanContext();
  const span: BridgeSpan = {
    otel,
    context: trace.setSpan(parent, otel),
    traceId,
    spanId,
    setAttribute(key, value) {
      otel.setAttribute(key, value as AttributeValue);
      return span;
    },
    fail(error) {
      const attributes = exceptionAttributes(error);
      otel.addEvent("exception", attributes);
      otel.setAttribute("error.type", attributes["exception.type"]);
      otel.setStatus({ code: 2, message: describeException(attributes) });
      return span;
    },
    run: (fn) => contextApi.with(span.context, fn),
    fetch: (input, init) => span.run(() => globalThis.fetch(input, init)),
    end: () => otel.end(),
  };
  return span;
}
