/**
 * otbridge for browsers. Importing it does nothing: no global is touched until `init` is called.
 */

import type { Bridge } from "./bridge.js";
import { start } from "./init.js";
import type { BridgeOptions } from "./options.js";
import { browser } from "./page/browser.js";
import { type SocketConstructor, SocketChannel } from "./transports/websocket.js";

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
    socket(given) {
      const Socket = given.WebSocket ?? (globalThis.WebSocket as SocketConstructor | undefined);
      return Socket && ((identity, events) => new SocketChannel(identity, events, Socket));
    },
  });
}

export type { Bridge } from "./bridge.js";
export type { FlushResult } from "./delivery/delivery.js";
export type { DropReason, LedgerSnapshot } from "./delivery/ledger.js";
export { getBridge } from "./init.js";
export { type ClicksOptions, clicks } from "./instrument/clicks.js";
export { type ConsoleLogsOptions, consoleLogs } from "./instrument/console.js";
export { errors } from "./instrument/errors.js";
export { type FetchSpansOptions, fetchSpans } from "./instrument/fetch.js";
export { navigation } from "./instrument/navigation.js";
export type {
  AttributeMap,
  BridgeOptions,
  Instrumentation,
  OutgoingRecord,
  User,
} from "./options.js";
export type { BridgeSpan } from "./span-handle.js";
export { VERSION } from "./version.js";
