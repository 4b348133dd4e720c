import type { Bridge } from "../bridge.js";
import { listen } from "../listen.js";
import type { Attributes } from "../opentelemetry.js";
import type { Instrumentation } from "../options.js";

/** What records an error that nobody caught, with what else is known of it. */
export function recorder({ logger }: Bridge): (error: unknown, attributes?: Attributes) => void {
  const { emit } = logger("otbridge.errors");
  return (exception, attributes = {}) =>
    emit({ eventName: "exception", severityNumber: 17, exception, attributes });
}

/**
 * Records errors that nobody caught and promises whose rejection nobody handled.
 *
 * It only watches: what the browser does about them stays as it is.
 */
export function errors(): Instrumentation {
  return (bridge) => {
    const record = recorder(bridge);
    return listen(globalThis, {
      error: ({ error, message, filename, lineno }: ErrorEvent) =>
        // Of a script from another origin the browser tells nothing but that there was an error.
        record(error ?? { name: "Error", message }, {
          "code.file.path": filename,
          "code.line.number": lineno,
        }),
      unhandledrejection: ({ reason }: PromiseRejectionEvent) => record(reason ?? String(reason)),
    });
  };
}
