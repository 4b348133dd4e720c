import type { Bridge } from "../bridge.js";
import { monotonic } from "../clock.js";
import type { Activity } from "../context/inference.js";
import { each } from "../each.js";
import { listen } from "../listen.js";
import { ROOT_CONTEXT, trace } from "../opentelemetry.js";
import type { Instrumentation } from "../options.js";
import { parseTraceparent } from "../otel/propagator.js";
import { pageUrl, pathTemplate } from "../privacy/url.js";
import { beginInteraction } from "./interaction.js";
import { patch } from "./patch.js";

const QUIET_MS = 300;
/** Plugged in later than this, the page load is history and not worth a trace. */
const LATE_MS = 10_000;

/**
 * Records the page load and each change of page within it.
 *
 * The page load is a span, the parent of what the page fetches while it loads. It joins the trace of
 * the server that made the page, where the page says which one it was: by a `traceparent` in
 * `Server-Timing` or in a `<meta name="traceparent">`. A change of page is an event, and where no
 * click led to it, the beginning of a trace.
 */
export function navigation(): Instrumentation {
  return (bridge) => {
    if (!globalThis.document) return () => {};
    const loading = document.readyState !== "complete";
    const onLoad = loading || monotonic() < LATE_MS ? recordLoad(bridge) : () => {};
    if (!loading) onLoad();

    let page = pageUrl();
    const moved = (type: string) => {
      const from = page;
      page = pageUrl();
      // Query and fragment are private, and a page that only writes those has not changed.
      if (page === from) return;
      if (!bridge.inference.interaction) begin(bridge, "navigate");
      bridge.event("browser.navigation", {
        "url.full": page,
        "browser.document.url.full": from,
        "browser.navigation.type": type,
      });
    };
    const thenMoved = (type: string) => (original: History["pushState"]) =>
      function (this: History, ...args: Parameters<History["pushState"]>) {
        original.apply(this, args);
        moved(type);
      };
    return each([
      patch(history, "pushState", thenMoved("push")),
      patch(history, "replaceState", thenMoved("replace")),
      listen(globalThis, { popstate: () => moved("traverse"), ...(loading && { load: onLoad }) }),
    ]);
  };
}

function begin(bridge: Bridge, what: string, start?: number, parent = ROOT_CONTEXT): Activity {
  const name = `${what} ${pathTemplate(location.pathname)}`;
  const attributes = { "browser.document.url.full": pageUrl() };
  return beginInteraction(bridge, name, QUIET_MS, attributes, start, parent);
}

/** Begins the span of the page load; returns what tells it that the page has loaded. */
function recordLoad(bridge: Bridge): () => void {
  const [entry] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  const timing = entry?.serverTiming?.find(({ name }) => name === "traceparent");
  const meta = document.querySelector<HTMLMetaElement>("meta[name=traceparent]");
  const server = parseTraceparent(timing?.description || meta?.content || "");
  const parent = server && trace.setSpanContext(ROOT_CONTEXT, server);
  return begin(bridge, "load", performance.timeOrigin, parent).hold();
}
