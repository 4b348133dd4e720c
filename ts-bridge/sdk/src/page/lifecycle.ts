import type { Delivery } from "../delivery/delivery.js";
import type { OpenSpans } from "../open-spans.js";

/** Tells the delivery when the page is hidden, goes, comes back, and when the network does. */
export function watchPage(delivery: Delivery, page: { leave(): void; open: OpenSpans }): () => void {
  const { document } = globalThis;
  if (typeof addEventListener !== "function") return () => {};
  const hide = (leaving: boolean) => {
    page.leave();
    delivery.hide(leaving, page.open.size === 0);
  };
  const onVisibility = () => {
    if (document.visibilityState === "hidden") hide(false);
  };
  const onPageHide = () => hide(true);
  const onShow = () => delivery.show();
  const targets: [EventTarget | undefined, string, () => void][] = [
    // `unload` and `beforeunload` are not used: the one keeps a page out of the back/forward cache.
    [document, "visibilitychange", onVisibility],
    [globalThis, "pagehide", onPageHide],
    [globalThis, "pageshow", onShow],
    [document, "resume", onShow],
    [globalThis, "online", onShow],
  ];
  for (const [target, type, listener] of targets) target?.addEventListener(type, listener);
  return () => {
    for (const [target, type, listener] of targets) target?.removeEventListener(type, listener);
  };
}
