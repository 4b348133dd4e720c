import type { Bridge } from "../bridge.js";
import { INFERRED } from "../context/inference.js";
import { type Context, context as contextApi, type Span, trace } from "../opentelemetry.js";
import type { Instrumentation } from "../options.js";
import { SUPPRESS_TRACING } from "../otel/tracer.js";
import { cleanUrl, parseUrl, pathTemplate } from "../privacy/url.js";
import { warnOnce } from "../warn.js";
import { asRequest, withHeaders } from "./fetch-headers.js";
import { patch } from "./patch.js";

/** Addresses below one that is given as text, or that match a pattern. */
type Addresses = readonly (string | RegExp)[];

export interface FetchSpansOptions {
  /**
   * Other origins, or addresses below which everything, that may be told the trace. They must allow
   * the headers `traceparent` and `tracestate` in their CORS answer. The page's own origin is always
   * told. In Node, where there is none, everybody is when this is not given.
   * @default []
   */
  propagateTo?: Addresses;
  /**
   * Requests to these are neither traced nor changed.
   * @default []
   */
  ignore?: Addresses;
}

/** OpenTelemetry's `SpanKind.CLIENT`. */
const CLIENT = 2;

type Fetch = typeof globalThis.fetch;
type FetchArguments = Parameters<Fetch>;

/**
 * Makes a span of each `fetch` and tells the trace to who may know it.
 *
 * Everything is passed through; headers are only added. The answer is not touched: it is neither
 * cloned nor read, and the span ends when its headers are there.
 */
export function fetchSpans(options: FetchSpansOptions = {}): Instrumentation {
  return (bridge) =>
    patch(
      globalThis,
      "fetch",
      (native) =>
        async function (this: unknown, ...given: FetchArguments) {
          const begun = begin(bridge, options, given);
          if (!begun) return native.apply(this as never, given);
          const [args, span, inner, outer] = begun;
          try {
            const response = await contextApi.with(inner, () => native.apply(this as never, args));
            finish(span, response.status);
            return response;
          } catch (error) {
            finish(span, undefined, error);
            throw error;
          } finally {
            bridge.contexts.resume?.(outer);
          }
        } as Fetch,
    );
}

/**
 * Starts the span, unless this request is none of ours. Never throws.
 *
 * @returns what to call `fetch` with, the span, the context in which it is active, and the one around
 *   it, in which what comes after the answer continues.
 */
function begin(
  bridge: Bridge,
  { propagateTo, ignore = [] }: FetchSpansOptions,
  args: FetchArguments,
): [FetchArguments, Span, inner: Context, outer: Context] | undefined {
  try {
    const [input, init] = args;
    const request = asRequest(input);
    const url = parseUrl(request?.url ?? input);
    const outer = bridge.activeContext();
    if (!url || outer.getValue(SUPPRESS_TRACING) || matches(url, [...ignore, `${bridge.base}/v1/`]))
      return undefined;
    const method = String(init?.method ?? request?.method ?? "GET").toUpperCase();
    const attributes = {
      "http.request.method": method,
      "url.full": cleanUrl(url),
      "server.address": url.hostname,
      "server.port": Number(url.port) || undefined,
      ...(outer !== contextApi.active() && INFERRED),
    };
    const name = `${method} ${pathTemplate(url.pathname)}`;
    const span = bridge.tracer.startSpan(name, { kind: CLIENT, attributes }, outer);
    const inner = trace.setSpan(outer, span);
    const told = mayTell(url, propagateTo, outer);
    return [told ? withHeaders(args, bridge.inject({}, inner)) : args, span, inner, outer];
  } catch {
    return undefined; // the request matters more than its span
  }
}

/** By the HTTP conventions: for a client both 4xx and 5xx are failures. */
function finish(span: Span, status: number | undefined, error?: unknown): void {
  const { name, message } = Object(error) as Error;
  span.setAttribute("http.response.status_code", status);
  if (!status || status >= 400) {
    span.setAttribute("error.type", status ? `${status}` : name);
    // Who aborts a request has changed his mind: no failure.
    if (name !== "AbortError") span.setStatus({ code: 2, message });
  }
  span.end();
}

function mayTell(url: URL, propagateTo: Addresses | undefined, context: Context): boolean {
  const { location } = globalThis;
  const { origin } = url;
  if (matches(url, propagateTo ?? []) || (location ? origin === location.origin : !propagateTo))
    return true;
  // For developers, on their own machines.
  if (trace.getSpan(context) && /(^|\.)localhost$|^127\.|^\[::1]/.test(location?.hostname ?? "")) {
    warnOnce(
      `${origin} is not told the trace: fetchSpans({ propagateTo: ["${origin}"] }), and CORS for traceparent and tracestate.`,
    );
  }
  return false;
}

function matches(url: URL, addresses: Addresses): boolean {
  return addresses.some((address) => {
    if (address instanceof RegExp) return url.href.search(address) >= 0;
    const allowed = parseUrl(address);
    // By parts and not as text: https://api.shop.com is no beginning of https://api.shop.com.evil.com.
    return allowed?.origin === url.origin && url.pathname.startsWith(allowed.pathname);
  });
}
