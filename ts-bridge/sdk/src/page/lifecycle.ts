/**
 * Calls *hide* when the page is hidden or goes, and *show* when it, or the network, comes back.
 *
 * `unload` is not used: it would keep the page out of the back/forward cache.
 */
export function watchPage(hide: (away: boolean) => void, show: () => void): () => void {
  const { document } = globalThis;
  const onVisibility = () => {
    if (document.visibilityState === "hidden") hide(false);
  };
  const listeners: [EventTarget, string, () => void][] = [
    [globalThis, "pagehide", () => hide(true)],
    [globalThis, "pageshow", show],
    [globalThis, "online", show],
  ];
  if (document)
    listeners.push([document, "visibilitychange", onVisibility], [document, "resume", show]);
  for (const [target, type, listener] of listeners) target.addEventListener(type, listener);
  return () => {
    for (const [target, type, listener] of listeners) target.removeEventListener(type, listener);
  };
}
