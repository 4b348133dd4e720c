/**
 * otbridge for browsers. Importing it does nothing: no global is touched until `init` is called.
 */

import type { Bridge } from "./bridge.js";
import { start } from "./init.js";
import type { BridgeOptions } from "./options.js";
import { browser } from "./page/browser.js";
import { type SocketConstructor, socketChannel } from "./transports/websocket.js";

/**
 * Starts the bridge of this page. There is one: a second call returns the first bridge.
 *
 * @example
 * const bridge = init({
 *   service: "shop-web",
 *   url: "http://127.0.0.1:4318",
 *   instrument: [errors(), consoleLogs(), clicks(), navigation(), fetchSpans()],
 * });
 */
export function init(options: BridgeOptions): Bridge {
  return start(options, {
    ...browser,
    _socket(given) {
      const Socket = given.WebSocket ?? (globalThis.WebSocket as SocketConstructor | undefined);
      return Socket && ((identity, events) => socketChannel(identity, events, Socket));
    },
  });
}

export * from "./public.js";
