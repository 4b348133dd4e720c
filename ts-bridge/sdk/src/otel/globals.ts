import {
  type ContextManager,
  context,
  type LoggerProvider,
  logs,
  propagation,
  type TextMapPropagator,
  type TracerProvider,
  trace,
} from "../opentelemetry.js";
import { warnOnce } from "../warn.js";

/** Where `@opentelemetry/api-logs` 0.x looks, which many instrumentations still use. */
const OLD_LOGS = Symbol.for("io.opentelemetry.js.api.logs");
const shared = globalThis as { [OLD_LOGS]?: unknown };

/**
 * Becomes the page's OpenTelemetry implementation where there is none yet.
 *
 * Whoever came first stays: their spans go where they send them, ours still work through the bridge.
 *
 * @returns what takes back all that was registered, and nothing else.
 */
export function register(
  contexts: ContextManager,
  tracers: TracerProvider,
  loggers: LoggerProvider,
  propagator: TextMapPropagator,
): () => void {
  const taken = [
    context.setGlobalContextManager(contexts) && context,
    propagation.setGlobalPropagator(propagator) && propagation,
    trace.setGlobalTracerProvider(tracers) && trace,
    logs.setGlobalLoggerProvider(loggers) && logs,
  ];
  if (taken.includes(false)) {
    warnOnce("another OpenTelemetry SDK came first and stays; call init() before it.");
  }
  const old = OLD_LOGS in shared;
  if (!old) shared[OLD_LOGS] = () => loggers;
  return () => {
    for (const api of taken) if (api) api.disable();
    if (!old) delete shared[OLD_LOGS];
  };
}
