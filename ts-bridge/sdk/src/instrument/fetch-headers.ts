type FetchArguments = Parameters<typeof globalThis.fetch>;
type Added = Readonly<Record<string, string>>;

/**
 * The arguments of a `fetch` with headers added, and everything else as it was.
 *
 * A header that is already there stays: somebody else propagates, and knows better.
 */
export function withHeaders([input, init]: FetchArguments, added: Added): FetchArguments {
  const request = asRequest(input);
  if (init === undefined || init === null || isEmpty(init)) {
    // A second argument would make `fetch` forget the request's referrer (Fetch, "new Request", 12).
    return request ? [extended(new Request(request), added)] : [input, { headers: { ...added } }];
  }
  if (!isPlain(init)) return [extended(new Request(input, init), added)];
  return [input, { ...init, headers: merged(init.headers ?? request?.headers, added) }];
}

/** A `Request`, of whichever window; `undefined` for an address. */
export function asRequest(input: FetchArguments[0]): Request | undefined {
  return typeof input === "object" && "url" in input ? input : undefined;
}

/** Whether a copy of its own properties is a copy: a `Request` as second argument is not. */
function isPlain(init: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(init);
  return prototype === Object.prototype || prototype === null;
}

function isEmpty(init: object): boolean {
  return isPlain(init) && Object.keys(init).length === 0;
}

function extended(request: Request, added: Added): Request {
  for (const [name, value] of Object.entries(added)) {
    if (!request.headers.has(name)) request.headers.set(name, value);
  }
  return request;
}

/** In the form in which they came: whoever wraps `fetch` below may look into them. */
function merged(headers: HeadersInit | undefined, added: Added): HeadersInit {
  // Read once only: they may be an iterator.
  const all = new Headers(headers);
  const missing = Object.entries(added).filter(([name]) => !all.has(name)) as [string, string][];
  if (Array.isArray(headers)) return [...headers, ...missing];
  if (headers === undefined || isPlain(headers)) {
    return { ...(headers as Record<string, string>), ...Object.fromEntries(missing) };
  }
  for (const [name, value] of missing) all.set(name, value);
  return all;
}
