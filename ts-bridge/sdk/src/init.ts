import type { Bridge } from "./bridge.js";
import { createBridge } from "./create-bridge.js";
import type { BridgeOptions } from "./options.js";
import type { Platform } from "./platform.js";
import { cleanUrl, parseUrl } from "./privacy/url.js";
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
    warnOnce("init() was called again; stop() first.");
    return running;
  }
  const given = { ...options };
  if (!given.service) {
    warnOnce("init({ service }) needs a service name.");
    given.service = "unknown_service";
  }
  const bridge = createBridge(given, hubAddress(given.url), platform, () => {
    shared[RUNNING] = undefined;
    forgetWarnings();
  });
  shared[RUNNING] = bridge;
  return bridge;
}

/** *url* without what does not belong to it; empty when it cannot be used. */
function hubAddress(url: unknown): string {
  const parsed = url ? parseUrl(url) : undefined;
  if (parsed && /^https?:$/.test(parsed.protocol)) {
    return cleanUrl(parsed).replace(/\/+$/, "");
  }
  warnOnce(`nothing is sent: url: ${url} is no http(s) address.`);
  return "";
}
