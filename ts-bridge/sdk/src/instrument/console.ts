import type { Instrumentation } from "../options.js";
import { consoleText } from "../wire/console-text.js";
import { patch } from "./patch.js";

const SEVERITY = { debug: 5, log: 9, info: 9, warn: 13, error: 17 };

export interface ConsoleLogsOptions {
  /**
   * Which methods of `console` are recorded.
   * @default ["log", "info", "warn", "error"]
   */
  levels?: readonly (keyof typeof SEVERITY)[];
}

/** Records what is written to the console. It is written there as before. */
export function consoleLogs({
  levels = ["log", "info", "warn", "error"],
}: ConsoleLogsOptions = {}): Instrumentation {
  return (bridge) => {
    const logger = bridge.logger("otbridge.console");
    let inside = false;
    const undo = levels.map((method) =>
      patch(
        console,
        method,
        (original) =>
          function (this: Console, ...args: unknown[]) {
            original.apply(this, args);
            if (inside) return; // what is called below may itself write to the console
            inside = true;
            try {
              logger.emit({
                eventName: "browser.console",
                severityNumber: SEVERITY[method],
                body: consoleText(args),
                attributes: { "browser.console.method": method },
                exception: args.find((arg) => arg instanceof Error),
              });
            } finally {
              inside = false;
            }
          },
      ),
    );
    return () => {
      for (const step of undo) step();
    };
  };
}
