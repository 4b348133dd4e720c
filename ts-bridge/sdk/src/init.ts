import { Bridge } from "./bridge.js";
import type { BridgeOptions } from "./options.js";
import type { Platform } from "./platform.js";
import { forgetWarnings, warnOnce } from "./warn.js";

/** Shared by all copies of this package in a page: a script tag and a bundle, for example. */
const RUNNING = Symbol.for("otbridge.bridge");
const shared = globalThis as { [RUNNING]?: Bridge | undefined };

/** The bridge that is running, whoever started it. */
export function getBridge(): Bridge | undefined {
  return shared[RUNNING];
}

/**
 * Starts a bridge on *platform*.
 *
 * Never throws: what is wrong is said on the console, and the page works without telemetry.
 */
export function start(options: BridgeOptions, platform: Platform): Bridge {
  const running = shared[RUNNING];
  if (running) {
    warnOnce("init() was called a second time, so the bridge that runs is kept. Call stop() on it first.");
    return running;
  }
  const checked = { ...options };
  if (typeof checked.service !== "string" || !checked.service) {
    warnOnce('init() was given no service name, so this is "unknown_service". Pass service: "shop-web".');
    checked.service = "unknown_service";
  }
  const bridge = new Bridge(checked, hubAddress(checked.url, platform.baseUrl()), platform, () => {
    if (shared[RUNNING] === bridge) shared[RUNNING] = undefined;
    forgetWarnings();
  });
  shared[RUNNING] = bridge;
  return bridge;
}

/** *url* without what does not belong to it; empty when it cannot be used. */
function hubAddress(url: unknown, base: string | undefined): string {
  try {
    const { protocol, origin, pathname } = new URL(String(url ?? ""), url ? base : undefined);
    if (protocol === "http:" || protocol === "https:") return origin + pathname.replace(/\/+$/, "");
  } catch {
    // Said below, together with the wrong protocols.
  }
  warnOnce(
    `init() was given the url ${JSON.stringify(url)}, which is not the http(s) address of a hub, so nothing is sent. ` +
      'Pass url: "http://127.0.0.1:4318", or the path where the bridge is mounted in your own application.',
  );
  return "";
}
