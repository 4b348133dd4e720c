/** Parses against the page; `undefined` when it is no address at all. */
export function parseUrl(text: unknown): URL | undefined {
  try {
    return new URL(`${text}`, globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch {
    return undefined; // a wrong address is the caller's business, not ours
  }
}

/** An address without what may be private in it: user, password, query and fragment. */
export function cleanUrl(url: URL): string {
  return url.origin === "null" ? url.protocol : url.origin + url.pathname;
}

const IDS = /\/(?:\d+|[\da-f]{16,}|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})(?=\/|$)/gi;

/** A path that names the operation and not the object: `/orders/17` becomes `/orders/{id}`. */
export function pathTemplate(path: string): string {
  return path.replace(IDS, "/{id}");
}

/** The page's own address, without query and fragment; nothing where there is no page. */
export function pageUrl(): string | undefined {
  const url = parseUrl(globalThis.location?.href);
  return url && cleanUrl(url);
}
