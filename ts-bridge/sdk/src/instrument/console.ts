import { each } from "../each.js";
import type { Instrumentation } from "../options.js";
import { patch } from "./patch.js";

const SEVERITY = { debug: 5, log: 9, info: 9, warn: 13, error: 17 };

export interface ConsoleLogsOptions {
  /**
   * Which methods of `console` are recorded.
   * @default ["log", "info", "warn", "error"]
   */
  levels?: readonly (keyof typeof SEVERITY)[];
}

/**
 * Records what is written to the console. It is written there as before.
 *
 * The texts become the record's body, by the console's rules for `%s` and its like; objects keep
 * their structure in the attribute `browser.console.args`.
 */
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
              const objects: unknown[] = [];
              logger.emit({
                eventName: "browser.console",
                severityNumber: SEVERITY[method],
                body: format(args, objects) || objects,
                attributes: {
                  "browser.console.method": method,
                  "browser.console.args": objects.length ? objects : undefined,
                },
                exception: args.find((arg) => arg instanceof Error),
              });
            } catch {
              // The page wrote to its console, and that has worked.
            }
            inside = false;
          },
      ),
    );
    return each(undo);
  };
}

/** What of *args* is text, in one line; the rest is put into *objects*. */
function format(args: readonly unknown[], objects: unknown[]): string {
  const rest = [...args];
  const text = (value: unknown) => {
    if (!value || typeof value !== "object" || value instanceof Error) return String(value);
    objects.push(value);
    return "";
  };
  let line = text(rest.shift());
  if (typeof args[0] === "string") {
    line = line.replace(/%([sdifoOjc%])/g, (whole, kind: string) => {
      if (kind === "%") return kind;
      if (!rest.length) return whole;
      const value = text(rest.shift());
      return kind === "c" ? "" : value; // `%c` is only colour
    });
  }
  return [line, ...rest.map(text)].filter(Boolean).join(" ");
}
