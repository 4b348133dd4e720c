import {
  type ContextManager,
  context,
  type LoggerProvider,
  propagation,
  type TextMapPropagator,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { warnOnce } from "../warn.js";

/** Where every copy of `@opentelemetry/api` 1.x looks. */
const API = Symbol.for("opentelemetry.js.api.1");
/** Where `@opentelemetry/api-logs` 0.x looks, which many instrumentations still use. */
const OLD_LOGS_API = Symbol.for("io.opentelemetry.js.api.logs");

type Shared = Record<PropertyKey, unknown> & { [API]?: Record<string, unknown> };
const shared = globalThis as unknown as Shared;

export interface Providers {
  tracers: TracerProvider;
  loggers: LoggerProvider;
  contexts: ContextManager;
  propagator: TextMapPropagator;
}

/**
 * Becomes the page's OpenTelemetry implementation where there is none yet.
 *
 * Whoever came first stays: their spans go where they send them, ours still work through the bridge.
 *
 * @returns what takes back all that was registered, and nothing else.
 */
export function register(providers: Providers): () => void {
  const undo: (() => void)[] = [];
  const attempt = (name: string, taken: boolean, disable: () => void) => {
    if (taken) undo.unshift(disable);
    else warnOnce(refusal(name));
  };
  const had = (name: string) => shared[API]?.[name] !== undefined;
  // Asked first, because the API reports a second registration as an error.
  const { contexts, tracers, propagator, loggers } = providers;
  attempt("context", !had("context") && context.setGlobalContextManager(contexts), () => context.disable());
  attempt("trace", !had("trace") && trace.setGlobalTracerProvider(tracers), () => trace.disable());
  attempt("propagation", !had("propagation") && propagation.setGlobalPropagator(propagator), () =>
    propagation.disable(),
  );
  undo.unshift(registerLogs(loggers));
  return () => {
    for (const step of undo) step();
  };
}

/** Written to both places by hand: the API of 1.9 has no logs, and 0.x has its own place. */
function registerLogs(provider: LoggerProvider): () => void {
  const api = shared[API];
  const current = api && !("logs" in api);
  if (current) api.logs = provider;
  const old = !(OLD_LOGS_API in shared);
  if (old) shared[OLD_LOGS_API] = (version: number) => (version === 1 ? provider : NO_LOGS);
  return () => {
    if (current && api.logs === provider) delete api.logs;
    if (old) delete shared[OLD_LOGS_API];
  };
}

const NO_LOGS: LoggerProvider = {
  getLogger: () => ({ emit: () => {}, enabled: () => false }),
};

function refusal(name: string): string {
  const version = shared[API]?.version;
  return (
    `another OpenTelemetry SDK is registered for "${name}" (API ${version}). It stays, so spans made with ` +
    "@opentelemetry/api go to it and not to the hub. Call init() before the other SDK, or leave the other one out."
  );
}
