import { StackContextManager } from "../context/stack.js";
import { later } from "../delivery/timers.js";
import type { Platform } from "../platform.js";
import { watchPage } from "./lifecycle.js";

/** A page that has not finished loading by then never may. */
const LOAD_MS = 3_000;

/** Browsers: pages and workers. Nothing is touched until `init` is called. */
export const browser: Omit<Platform, "socket"> = {
  contexts: () => new StackContextManager(),
  resource() {
    const { userAgent, language } = globalThis.navigator ?? {};
    return {
      "telemetry.sdk.language": "webjs",
      "user_agent.original": userAgent,
      "browser.language": language,
    };
  },
  watch(delivery, hide) {
    // Rendered on a server there is no page to watch.
    const unwatch =
      typeof addEventListener === "function" ? watchPage(hide, () => delivery.show()) : () => {};
    const { document } = globalThis;
    // What the page does to get ready comes first.
    const start = () => {
      clearTimeout(timer);
      timer = later(() => delivery.start(), 1);
    };
    let timer = later(start, document && document.readyState !== "complete" ? LOAD_MS : 0);
    globalThis.addEventListener?.("load", start, { once: true });
    return () => {
      unwatch();
      clearTimeout(timer);
      globalThis.removeEventListener?.("load", start);
    };
  },
};
