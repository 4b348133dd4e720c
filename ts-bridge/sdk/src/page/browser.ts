import { stackContexts } from "../context/stack.js";
import { later } from "../delivery/timers.js";
import { each } from "../each.js";
import { listen } from "../listen.js";
import type { Platform } from "../platform.js";
import { watchPage } from "./lifecycle.js";

/** A page that has not finished loading by then never may. */
const LOAD_MS = 3_000;

/** Browsers: pages and workers. Rendered on a server there is no page to watch. */
export const browser: Omit<Platform, "_socket"> = {
  _contexts: stackContexts,
  _resource() {
    const { userAgent, language } = globalThis.navigator ?? {};
    return {
      "telemetry.sdk.language": "webjs",
      "user_agent.original": userAgent,
      "browser.language": language,
    };
  },
  _watch(delivery, hide) {
    // What the page does to get ready comes first.
    const load = () => {
      timer = later(delivery._start, 1, timer);
    };
    const loading = (globalThis.document?.readyState ?? "complete") !== "complete";
    let timer = later(load, loading ? LOAD_MS : 0);
    return each([
      watchPage(hide, delivery._show),
      listen(globalThis, { load }),
      () => clearTimeout(timer),
    ]);
  },
};
