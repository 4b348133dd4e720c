import { type Context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Bridge } from "../bridge.js";
import type { Instrumentation } from "../options.js";
import { parseTraceparent } from "../otel/propagator.js";
import { pathTemplate } from "../privacy/url.js";
import { pageUrl } from "./clicks.js";
import { Interaction } from "./interaction.js";
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
    const { document, history } = globalThis;
    if (!document || !history) return () => {};
    const undoLoad = recordLoad(bridge);
    let at = pageUrl();
    const moved = (type: string) => {
      const from = at;
      at = pageUrl();
      // Query and fragment are private, and a page that only writes those has not changed.
      if (at === from) return;
      if (!bridge.inference.interaction) beginNavigation(bridge);
      bridge.event("browser.navigation", {
        "url.full": at,
        "browser.document.url.full": from,
        "browser.navigation.type": type,
        "browser.navigation.same_document": true,
      });
    };
    const onTraverse = () => moved("traverse");
    const after = (type: string) => (original: History["pushState"]) =>
      function (this: History, ...args: Parameters<History["pushState"]>) {
        original.apply(this, args);
        moved(type);
      };
    const undo = [
      undoLoad,
      patch(history, "pushState", after("push")),
      patch(history, "replaceState", after("replace")),
      () => removeEventListener("popstate", onTraverse),
    ];
    addEventListener("popstate", onTraverse);
    return () => {
      for (const step of undo) step();
    };
  };
}

function beginNavigation(bridge: Bridge): void {
  const name = `navigate ${pathTemplate(location.pathname)}`;
  new Interaction(bridge, {
    name,
    quiet: QUIET_MS,
    attributes: { "browser.document.url.full": pageUrl() },
  });
}

function recordLoad(bridge: Bridge): () => void {
  if (document.readyState === "complete" && performance.now() > LATE_MS) return () => {};
  const [entry] = performance.getEntriesByType?.("navigation") as PerformanceNavigationTiming[];
  const parent = serverContext(entry);
  const load = new Interaction(bridge, {
    name: `load ${pathTemplate(location.pathname)}`,
    quiet: QUIET_MS,
    start: performance.timeOrigin,
    ...(parent && { parent }),
    attributes: {
      "browser.document.url.full": pageUrl(),
      "browser.navigation.type": entry?.type,
      "http.response.status_code": entry?.responseStatus || undefined,
    },
  });
  if (document.readyState === "complete") return () => {};
  const release = load.hold();
  const onLoad = () => release();
  addEventListener("load", onLoad, { once: true });
  return () => removeEventListener("load", onLoad);
}

/** The span of the server that made this page. */
function serverContext(entry: PerformanceNavigationTiming | undefined): Context | undefined {
  const timing = entry?.serverTiming?.find(({ name }) => name === "traceparent");
  const meta = document.querySelector('meta[name="traceparent"]')?.getAttribute("content");
  const header = timing?.description || meta;
  const remote = header ? parseTraceparent(header) : undefined;
  return remote && trace.setSpanContext(ROOT_CONTEXT, remote);
}
