/**
 * otbridge for browsers without the WebSocket: smaller, everything goes by POST.
 */

import type { Bridge } from "./bridge.js";
import { start } from "./init.js";
import type { BridgeOptions } from "./options.js";
import { browser } from "./page/browser.js";

/** Like `init` of `otbridge`; `transport` is always `http`. */
export function init(options: Omit<BridgeOptions, "transport" | "WebSocket">): Bridge {
  return start(options, { ...browser, _socket: () => undefined });
}

export * from "./public.js";
