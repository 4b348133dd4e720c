/// <reference types="node" />
import { recorder } from "../instrument/errors.js";
import type { Instrumentation } from "../options.js";

/** Sees rejections too, and unlike any other listener does not keep Node from ending. */
const MONITOR = "uncaughtExceptionMonitor";

/**
 * Records errors that nobody caught and promises whose rejection nobody handled.
 *
 * It only watches: what Node does about them stays as it is.
 */
export function errors(): Instrumentation {
  return (bridge) => {
    const record = recorder(bridge);
    const onError = (error: unknown) => record(error);
    process.on(MONITOR, onError);
    return () => process.off(MONITOR, onError);
  };
}
