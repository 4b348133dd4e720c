import { StackContextManager } from "../context/stack.js";
import { later } from "../delivery/timers.js";
import type { Platform } from "../platform.js";
import { baseUrl } from "../privacy/url.js";
import { watchPage } from "./lifecycle.js";

/** A page that has not finished loading by then never may. */
const LOAD_TIMEOUT_MS = 3_000;
const IDLE_TIMEOUT_MS = 1_000;

/** Browsers: pages and workers. Nothing is touched until `init` is called. */
export const browser: Omit<Platform, "socket"> = {
  contexts: () => new StackContextManager(),
  baseUrl,
  resource() {
    const { userAgent, language } = globalThis.navigator ?? {};
    return {
      "telemetry.sdk.language": "webjs",
      "user_agent.original": userAgent,
      "browser.language": language,
    };
  },
  watch(delivery, page) {
    const unwatch = watchPage(delivery, page);
    const cancel = whenQuiet(() => delivery.start());
    return () => {
      unwatch();
      cancel();
    };
  },
};

/** Calls *fn* once the page has loaded and has nothing better to do. */
function whenQuiet(fn: () => void): () => void {
  const { document, requestIdleCallback } = globalThis;
  let called = false;
  const once = () => {
    if (!called) fn();
    called = true;
  };
  const idle = () => {
    if (typeof requestIdleCallback === "function") requestIdleCallback(once, { timeout: IDLE_TIMEOUT_MS });
    else later(once, 1);
  };
  if (!document || document.readyState === "complete") idle();
  else globalThis.addEventListener("load", idle, { once: true });
  const timer = later(once, LOAD_TIMEOUT_MS);
  return () => {
    called = true;
    clearTimeout(timer);
    globalThis.removeEventListener?.("load", idle);
  };
}
