/** The document's address, or nothing where there is no document. */
export function baseUrl(): string | undefined {
  const place = globalThis as { document?: Document; location?: Location };
  return place.document?.baseURI ?? place.location?.href;
}

/** Parses against the page; `undefined` when it is no address at all. */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text, baseUrl());
  } catch {
    return undefined; // a wrong address is the caller's business, not ours
  }
}

/** An address without what may be private in it: user, password, query and fragment. */
export function cleanUrl(url: URL): string {
  return url.origin === "null" ? url.protocol : url.origin + url.pathname;
}

const ID = /^(?:\d+|[\da-f]{16,}|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/i;

/** A path that names the operation and not the object: `/orders/17` becomes `/orders/{id}`. */
export function pathTemplate(path: string): string {
  return path
    .split("/")
    .map((segment) => (ID.test(segment) ? "{id}" : segment))
    .join("/");
}
