import { type Context, context as contextApi, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Bridge } from "../bridge.js";
import { INFERRED } from "../context/inference.js";
import type { Instrumentation } from "../options.js";
import { SUPPRESS_TRACING } from "../otel/tracer.js";
import { cleanUrl, parseUrl, pathTemplate } from "../privacy/url.js";
import { warnOnce } from "../warn.js";
import { asRequest, withHeaders } from "./fetch-headers.js";
import { patch } from "./patch.js";

export interface FetchSpansOptions {
  /**
   * Other origins, or addresses below which everything, that may be told the trace. They must allow
   * the headers `traceparent` and `tracestate` in their CORS answer. The page's own origin is always
   * told. In Node, where there is none, everybody is when this is not given.
   * @default []
   */
  propagateTo?: readonly (string | RegExp)[];
  /** Requests to addresses that match are neither traced nor changed. */
  ignore?: readonly (string | RegExp)[];
}

type Fetch = typeof globalThis.fetch;
type FetchArguments = Parameters<Fetch>;

/**
 * Makes a span of each `fetch` and tells the trace to who may know it.
 *
 * Everything is passed through; headers are only added. The answer is not touched: it is neither
 * cloned nor read, and the span ends when its headers are there.
 */
export function fetchSpans(options: FetchSpansOptions = {}): Instrumentation {
  return (bridge) => {
    if (typeof globalThis.fetch !== "function") return () => {};
    const rules = new Rules(bridge, options);
    return patch(
      globalThis,
      "fetch",
      (native) =>
        function (this: unknown, ...args: FetchArguments) {
          const call = () => native.apply(this as never, args);
          const begun = begin(bridge, rules, args);
          return begun ? follow(bridge, begun, native, this, call) : call();
        } as Fetch,
    );
  };
}

interface Begun {
  span: Span;
  /** Active where `fetch` was called; what comes after the answer continues there. */
  outer: Context;
  args: FetchArguments;
}

/** Starts the span, unless this request is none of ours; never throws. */
function begin(bridge: Bridge, rules: Rules, args: FetchArguments): Begun | undefined {
  try {
    const request = describe(args);
    const outer = bridge.activeContext();
    if (!request || rules.ignores(request.url) || outer.getValue(SUPPRESS_TRACING)) return undefined;
    const { method, url } = request;
    const inferred = outer !== contextApi.active();
    const span = bridge.tracer.startSpan(
      `${method} ${pathTemplate(url.pathname)}`,
      {
        kind: SpanKind.CLIENT,
        attributes: {
          "http.request.method": method,
          "url.full": cleanUrl(url),
          "server.address": url.hostname,
          ...(url.port && { "server.port": Number(url.port) }),
          ...(inferred && INFERRED),
        },
      },
      outer,
    );
    const headers = rules.mayTell(url, outer)
      ? bridge.inject<Record<string, string>>({}, trace.setSpan(outer, span))
      : undefined;
    return { span, outer, args: headers ? withHeaders(args, headers) : args };
  } catch {
    return undefined; // the request matters more than its span
  }
}

function follow(
  bridge: Bridge,
  { span, outer, args }: Begun,
  native: Fetch,
  self: unknown,
  fallback: () => ReturnType<Fetch>,
): ReturnType<Fetch> {
  let answer: ReturnType<Fetch>;
  try {
    answer = bridge.with(trace.setSpan(outer, span), () => native.apply(self as never, args));
  } catch (error) {
    fail(span, error);
    throw error;
  }
  if (typeof answer?.then !== "function") return fallback();
  return answer.then(
    (response) => {
      succeed(span, response);
      bridge.contexts.resume?.(outer);
      return response;
    },
    (error: unknown) => {
      fail(span, error);
      bridge.contexts.resume?.(outer);
      throw error;
    },
  );
}

function describe([input, init]: FetchArguments): { method: string; url: URL } | undefined {
  const request = asRequest(input);
  const url = parseUrl(request?.url ?? String(input));
  const method = String(init?.method ?? request?.method ?? "GET").toUpperCase();
  return url && /^https?:$/.test(url.protocol) ? { method, url } : undefined;
}

function succeed(span: Span, response: Response): void {
  const { status } = response;
  span.setAttribute("http.response.status_code", status);
  // For a client both 4xx and 5xx are failures: the HTTP conventions, "Status".
  if (status >= 400) {
    span.setAttribute("error.type", String(status));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

function fail(span: Span, error: unknown): void {
  const name = (error as Error | undefined)?.name ?? "Error";
  span.setAttribute("error.type", name);
  // Who aborts a request has changed his mind: no failure.
  if (name !== "AbortError") {
    span.setStatus({ code: SpanStatusCode.ERROR, message: String((error as Error)?.message ?? error) });
  }
  span.end();
}

/** Which requests are traced, and who is told the trace. */
class Rules {
  readonly #bridge: Bridge;
  readonly #propagateTo: readonly (string | RegExp)[] | undefined;
  readonly #ignore: readonly (string | RegExp)[];

  constructor(bridge: Bridge, { propagateTo, ignore = [] }: FetchSpansOptions) {
    this.#bridge = bridge;
    this.#propagateTo = propagateTo;
    this.#ignore = ignore;
  }

  ignores(url: URL): boolean {
    const { base } = this.#bridge;
    return (base !== "" && url.href.startsWith(`${base}/v1/`)) || matches(this.#ignore, url);
  }

  mayTell(url: URL, context: Context): boolean {
    const { location } = globalThis;
    if (!location && !this.#propagateTo) return true;
    if (url.origin === location?.origin || matches(this.#propagateTo ?? [], url)) return true;
    if (location && isLoopback(location.hostname) && trace.getSpan(context)) warnOnce(notTold(url.origin));
    return false;
  }
}

function matches(patterns: readonly (string | RegExp)[], url: URL): boolean {
  return patterns.some((pattern) => {
    if (pattern instanceof RegExp) return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")).test(url.href);
    const allowed = parseUrl(pattern);
    // By parts and not as text: https://api.shop.com is no beginning of https://api.shop.com.evil.com.
    return allowed?.origin === url.origin && url.pathname.startsWith(allowed.pathname);
  });
}

/** Warnings for developers are for developers' machines. */
function isLoopback(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}

function notTold(origin: string): string {
  return (
    `requests to ${origin} are not told the trace, so what happens there will be missing from it. ` +
    `Use fetchSpans({ propagateTo: ["${origin}"] }), and let ${origin} allow the headers traceparent and tracestate.`
  );
}
