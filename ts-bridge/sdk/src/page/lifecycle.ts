import { each } from "../each.js";
import { listen } from "../listen.js";

/**
 * Calls *hide* when the page is hidden or goes, and *show* when it, or the network, comes back.
 *
 * `unload` is not used: it would keep the page out of the back/forward cache.
 */
export function watchPage(hide: (away: boolean) => void, show: () => void): () => void {
  const { document } = globalThis;
  const visibilitychange = () => {
    if (document.visibilityState === "hidden") hide(false);
  };
  return each([
    listen(globalThis, { pagehide: () => hide(true), pageshow: show, online: show }),
    listen(document, { visibilitychange, resume: show }),
  ]);
}
