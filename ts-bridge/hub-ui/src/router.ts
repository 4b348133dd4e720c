/**
 * The address is the state: path for the screen, query for everything adjustable on it.
 *
 * Going somewhere pushes a history entry, adjusting what is on screen replaces it, so that "back"
 * always leads to the place before and never through every keystroke of a search.
 */

import { computed, signal } from "@preact/signals";

interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

function here(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

export const place = signal<Place>(here());

/** The path's parts: `/traces/abc` is `["traces", "abc"]`. */
export const segments = computed(() =>
  place.value.path.split("/").filter(Boolean).map(decodeSegment),
);

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // A lone per cent sign typed by hand; it will name nothing, and say so.
  }
}

/**
 * Browsers allow about a hundred history changes in half a minute and refuse the rest. A wheel
 * that zooms makes more, so the address follows the state at this distance.
 */
const ADDRESS_DELAY_MS = 200;
let addressTimer = 0;

function addressOf({ path, query }: Place): string {
  const text = query.toString();
  return path + (text && `?${text}`);
}

/** Bring the address up to the state at once, for whoever wants to read it. */
export function settleAddress(): void {
  clearTimeout(addressTimer);
  addressTimer = 0;
  const address = addressOf(place.peek());
  if (address !== location.pathname + location.search) history.replaceState(null, "", address);
}

/** Go to another place. */
export function go(href: string): void {
  settleAddress();
  history.pushState(null, "", href);
  place.value = here();
}

/** Parameters to change: null and "" take a parameter away. */
export type Patch = Record<string, string | null>;

/** Change the query of the place we are at. */
export function adjust(patch: Patch): void {
  const { path, query: before } = place.peek();
  const query = new URLSearchParams(before);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || value === "") query.delete(key);
    else query.set(key, value);
  }
  if (query.toString() === before.toString()) return;
  place.value = { path, query };
  if (!addressTimer) addressTimer = window.setTimeout(settleAddress, ADDRESS_DELAY_MS);
}

/** One parameter of the query; "" where it is absent. Subscribes the component that reads it. */
export function param(name: string): string {
  return place.value.query.get(name) ?? "";
}

/** An address in this page: `href("/traces", { q: "order" })`. */
export function href(path: string, patch: Patch = {}): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(patch)) if (value) query.set(key, value);
  const text = query.toString();
  return path + (text && `?${text}`);
}

/** Follow plain clicks on the page's own links without loading the page anew. */
function followLinks(event: MouseEvent): void {
  const link = (event.target as Element).closest?.("a[href]");
  if (!(link instanceof HTMLAnchorElement)) return;
  const plain =
    event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  const own = link.origin === location.origin && !link.target && !link.hasAttribute("download");
  // The API is at the same origin and is not a screen.
  if (!plain || !own || event.defaultPrevented || link.pathname.startsWith("/api/")) return;
  event.preventDefault();
  go(link.pathname + link.search);
}

export function startRouter(): void {
  addEventListener("popstate", () => {
    clearTimeout(addressTimer);
    addressTimer = 0;
    place.value = here();
  });
  // A reload or a copied tab must find the state of now.
  addEventListener("pagehide", settleAddress);
  document.addEventListener("click", followLinks);
}
