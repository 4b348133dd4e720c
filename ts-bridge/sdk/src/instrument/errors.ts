import type { Bridge } from "../bridge.js";
import type { Instrumentation } from "../options.js";

/** The parts of Node's `process` that are used, where there is one. */
interface ProcessLike {
  on?(event: string, listener: (error: unknown, origin: string) => void): void;
  off?(event: string, listener: (error: unknown, origin: string) => void): void;
}

/**
 * Records errors that nobody caught and promises whose rejection nobody handled.
 *
 * It only watches: what the browser or Node does about them stays as it is.
 */
export function errors(): Instrumentation {
  return (bridge) => {
    if (typeof addEventListener === "function") return watchWindow(bridge);
    return watchProcess(bridge, (globalThis as { process?: ProcessLike }).process);
  };
}

function watchWindow(bridge: Bridge): () => void {
  const onError = guarded((event: ErrorEvent) => {
    const { error, message, filename, lineno, colno } = event;
    const where = { "code.file.path": filename || undefined, "code.line.number": lineno || undefined };
    // Of a script from another origin the browser tells nothing but that there was an error.
    const thrown = error ?? { name: "Error", message: message || "unknown", stack: `at ${filename}:${lineno}:${colno}` };
    bridge.exception(thrown, { ...where, "exception.escaped": true });
  });
  const onRejection = guarded((event: PromiseRejectionEvent) => {
    bridge.exception(event.reason, { "exception.escaped": true, "browser.error.source": "unhandledrejection" });
  });
  addEventListener("error", onError);
  addEventListener("unhandledrejection", onRejection);
  return () => {
    removeEventListener("error", onError);
    removeEventListener("unhandledrejection", onRejection);
  };
}

function watchProcess(bridge: Bridge, process: ProcessLike | undefined): () => void {
  // The monitor sees rejections too, and unlike any other listener it does not keep Node from ending.
  const event = "uncaughtExceptionMonitor";
  const onError = guarded((error: unknown) => bridge.exception(error, { "exception.escaped": true }));
  process?.on?.(event, onError);
  return () => process?.off?.(event, onError);
}

/** An error inside an error listener would call the listener again. */
function guarded<E>(listener: (event: E) => void): (event: E) => void {
  let inside = false;
  return (event) => {
    if (inside) return;
    inside = true;
    try {
      listener(event);
    } catch {
      // Whatever it was, the page's own error is what matters, and the browser shows it.
    } finally {
      inside = false;
    }
  };
}
