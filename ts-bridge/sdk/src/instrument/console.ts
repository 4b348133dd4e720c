import type { Instrumentation } from "../options.js";
import { anyText } from "../wire/text.js";
import { patch } from "./patch.js";

type Level = "debug" | "log" | "info" | "warn" | "error";

const SEVERITY: Record<Level, number> = { debug: 5, log: 9, info: 9, warn: 13, error: 17 };

export interface ConsoleLogsOptions {
  /**
   * Which methods of `console` are recorded.
   * @default ["log", "info", "warn", "error"]
   */
  levels?: readonly Level[];
}

/** Records what is written to the console. It is written there as before. */
export function consoleLogs({
  levels = ["log", "info", "warn", "error"],
}: ConsoleLogsOptions = {}): Instrumentation {
  return (bridge) => {
    const logger = bridge.logger("otbridge.console");
    let inside = false;
    const record = (method: Level, args: unknown[]) => {
      if (inside) return; // what we call may itself write to the console
      inside = true;
      try {
        const exception = args.find((arg) => arg instanceof Error);
        logger.emit({
          eventName: "browser.console",
          severityNumber: SEVERITY[method],
          body: format(args),
          attributes: { "browser.console.method": method },
          ...(exception !== undefined && { exception }),
        });
      } catch {
        // The page wrote to its console, and that has worked.
      } finally {
        inside = false;
      }
    };
    const undo = levels
      .filter((method) => method in SEVERITY)
      .map((method) =>
        patch(console, method, (original) =>
          function (this: Console, ...args: unknown[]) {
            original.apply(this, args);
            record(method, args);
          },
        ),
      );
    return () => {
      for (const step of undo) step();
    };
  };
}

/** One line, by the console's own rules for `%s` and its like. */
function format([first, ...rest]: unknown[]): string {
  let text = typeof first === "string" ? first : anyText(first);
  if (typeof first === "string" && rest.length) {
    text = first.replace(/%([sdifoOjc%])/g, (placeholder, kind: string) => {
      if (kind === "%") return "%";
      if (!rest.length) return placeholder;
      const value = rest.shift();
      return kind === "c" ? "" : anyText(value); // `%c` is only colour
    });
  }
  return [text, ...rest.map(anyText)].join(" ");
}
