type FetchArguments = Parameters<typeof globalThis.fetch>;
type Added = Readonly<Record<string, string>>;

/**
 * The arguments of a `fetch` with headers added, and everything else as it was.
 *
 * A header that is already there stays: somebody else propagates, and knows better.
 */
export function withHeaders([input, init]: FetchArguments, added: Added): FetchArguments {
  const request = asRequest(input);
  const options = init ?? {};
  const plain = isPlain(options);
  if (plain && (!request || Object.keys(options).length)) {
    return [input, { ...options, headers: merged(options.headers ?? request?.headers, added) }];
  }
  // Options would make `fetch` forget the request's referrer (Fetch, "new Request", 12).
  const copy = new Request(input, plain ? undefined : options);
  for (const [name, value] of missing(copy.headers, added)) copy.headers.set(name, value);
  return [copy];
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

function missing(headers: Headers, added: Added): [string, string][] {
  return Object.entries(added).filter(([name]) => !headers.has(name));
}

/** In the form in which they came: whoever wraps `fetch` below may look into them. */
function merged(headers: HeadersInit = {}, added: Added): HeadersInit {
  // Read once only: they may be an iterator.
  const all = new Headers(headers);
  const more = missing(all, added);
  if (Array.isArray(headers)) return [...headers, ...more];
  if (isPlain(headers)) return { ...headers, ...Object.fromEntries(more) } as HeadersInit;
  for (const [name, value] of more) all.set(name, value);
  return all;
}
