/// <reference types="node" />
/**
 * otbridge for Node: the same API, with context that survives `await`.
 */

import { hostname } from "node:os";
import type { Bridge } from "../bridge.js";
import { start } from "../init.js";
import type { BridgeOptions } from "../options.js";
import type { Platform } from "../platform.js";
import { type SocketConstructor, socketChannel } from "../transports/websocket.js";
import { AsyncContextManager } from "./async-context.js";

export { errors } from "./errors.js";

const node: Platform = {
  _contexts: () => new AsyncContextManager(),
  _socket({ transport, WebSocket: given }) {
    // Node's own WebSocket keeps the process alive until it is closed, so it has to be asked for.
    if (transport !== "websocket" && !given) return undefined;
    const Socket = given ?? (globalThis.WebSocket as SocketConstructor | undefined);
    return Socket && ((identity, events) => socketChannel(identity, events, Socket));
  },
  _resource: () => ({
    "telemetry.sdk.language": "nodejs",
    "process.runtime.name": "nodejs",
    "process.runtime.version": process.versions.node,
    "process.pid": process.pid,
    "host.name": hostname(),
  }),
  _watch(delivery) {
    delivery._start();
    // Fires again after what it waited for, so it must not wait for nothing.
    const onBeforeExit = () => {
      if (delivery._stats().waiting)
        void delivery._flush(2_000).then(() => process.off("beforeExit", onBeforeExit));
    };
    process.on("beforeExit", onBeforeExit);
    return () => process.off("beforeExit", onBeforeExit);
  },
};

/**
 * Starts the bridge of this process. There is one: a second call returns the first bridge.
 *
 * A process that ends by itself sends what waits before it does. Before `process.exit()`, call
 * `await bridge.flush()`.
 *
 * @example
 * const bridge = init({ service: "importer", url: "http://127.0.0.1:4318", instrument: [fetchSpans()] });
 */
export function init(options: BridgeOptions): Bridge {
  return start(options, node);
}

export type { Bridge } from "../bridge.js";
export type { FlushResult } from "../delivery/delivery.js";
export type { DropReason, LedgerSnapshot } from "../delivery/ledger.js";
export { getBridge } from "../init.js";
export { baggage } from "../instrument/baggage.js";
export { type ConsoleLogsOptions, consoleLogs } from "../instrument/console.js";
export { type FetchSpansOptions, fetchSpans } from "../instrument/fetch.js";
export type {
  AttributeMap,
  BridgeOptions,
  Instrumentation,
  OutgoingRecord,
  User,
} from "../options.js";
export type { BridgeSpan } from "../span-handle.js";
export { VERSION } from "../version.js";
