import type { Delivery } from "./delivery/delivery.js";
import type { Context, ContextManager } from "./opentelemetry.js";
import type { BridgeOptions } from "./options.js";
import type { Connector } from "./transports/channel.js";

/** A context manager that can pick a context up where a promise is fulfilled, if it has to. */
export interface BridgeContextManager extends ContextManager {
  /** Makes *context* active for the code that waited for the promise which is just being fulfilled. */
  resume?(context: Context): void;
}

/** What differs between a browser and Node. */
export interface Platform {
  _contexts(): BridgeContextManager;
  /** How to open a WebSocket; nothing where POST is the better way. */
  _socket(options: BridgeOptions): Connector | undefined;
  /** What describes this page or process. */
  _resource(): Record<string, unknown>;
  /**
   * Starts the delivery when it is time, and watches the page.
   *
   * @param hide - to be called when the page is hidden; *away*: it is going.
   * @returns what ends that.
   */
  _watch(delivery: Delivery, hide: (away: boolean) => void): () => void;
}
