import { listen } from "../listen.js";
import type { Instrumentation } from "../options.js";

/** The part of Node's `process` that is used, where there is one. */
interface ProcessLike {
  on(event: string, listener: (error: unknown) => void): void;
  off(event: string, listener: (error: unknown) => void): void;
}

/** Sees rejections too, and unlike any other listener does not keep Node from ending. */
const MONITOR = "uncaughtExceptionMonitor";

/**
 * Records errors that nobody caught and promises whose rejection nobody handled.
 *
 * It only watches: what the browser or Node does about them stays as it is.
 */
export function errors(): Instrumentation {
  return (bridge) => {
    const record = (error: unknown, attributes?: Record<string, unknown>) =>
      bridge.logger("otbridge.errors").emit({
        eventName: "exception",
        severityNumber: 17,
        exception: error,
        attributes: { ...attributes },
      });
    if (typeof addEventListener !== "function") {
      const { process } = globalThis as { process?: ProcessLike };
      process?.on(MONITOR, record);
      return () => process?.off(MONITOR, record);
    }
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
