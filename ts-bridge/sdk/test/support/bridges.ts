import { afterEach, vi } from "vitest";
import { WebSocket } from "ws";
import type { Bridge } from "../../src/bridge.js";
import { init } from "../../src/index.js";
import { getBridge } from "../../src/init.js";
import type { BridgeOptions } from "../../src/options.js";
import type { SocketConstructor } from "../../src/transports/websocket.js";
import { type HubOptions, TestHub } from "./hub.js";

const hubs: TestHub[] = [];

afterEach(async () => {
  await getBridge()?.stop(0);
  await Promise.all(hubs.splice(0).map((hub) => hub.stop()));
  vi.restoreAllMocks();
});

/** A hub that is gone after the test. */
export async function startHub(options?: HubOptions, port?: number): Promise<TestHub> {
  const hub = await TestHub.start(options, port);
  hubs.push(hub);
  return hub;
}

/** The browser's bridge with the socket of `ws`, flushing at once; stopped after the test. */
export function startBridge(hub: TestHub | string, options: Partial<BridgeOptions> = {}): Bridge {
  return init({
    service: "shop-web",
    url: typeof hub === "string" ? hub : hub.url,
    WebSocket: WebSocket as unknown as SocketConstructor,
    flushInterval: 5,
    ...options,
  });
}
