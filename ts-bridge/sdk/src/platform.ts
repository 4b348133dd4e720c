import type { Context, ContextManager } from "@opentelemetry/api";
import type { Delivery } from "./delivery/delivery.js";
import type { BridgeOptions } from "./options.js";
import type { ChannelFactory } from "./transports/channel.js";

/** A context manager that can pick a context up where a promise is fulfilled, if it has to. */
export interface BridgeContextManager extends ContextManager {
  resume?(context: Context): void;
}

/** What differs between a browser and Node. */
export interface Platform {
  contexts(): BridgeContextManager;
  /** How to open a WebSocket; nothing where POST is the better way. */
  socket(options: BridgeOptions): ChannelFactory | undefined;
  /** What describes this page or process. */
  resource(): Record<string, unknown>;
  /**
   * Starts the delivery when it is time, and watches the page.
   *
   * @param hide - to be called when the page is hidden; *away*: it is going.
   * @returns what ends that.
   */
  watch(delivery: Delivery, hide: (away: boolean) => void): () => void;
}
