type Wrapped<F> = F & { __original?: F };

/**
 * The function below a wrapper of ours, or *fn* itself.
 *
 * OpenTelemetry's exporters look for the same `__original` on `fetch`, to send without being traced.
 */
export function originalOf<F>(fn: F): F {
  return (fn as Wrapped<F>).__original ?? fn;
}

/**
 * Replaces a method, and returns what puts it back exactly as it was.
 *
 * Where somebody wrapped our wrapper in the meantime, theirs stays, and ours below it is switched to
 * pass everything through: taking theirs away would break them.
 */
export function patch<T extends object, K extends keyof T & string>(
  owner: T,
  name: K,
  wrap: (original: T[K]) => T[K],
): () => void {
  if (typeof owner[name] !== "function") return () => {}; // not on this platform
  const before = Object.getOwnPropertyDescriptor(owner, name);
  const original = owner[name];
  const ours = wrap(original);
  let active = true;
  const wrapper = function (this: unknown, ...args: unknown[]): unknown {
    return ((active ? ours : original) as (...args: unknown[]) => unknown).apply(this, args);
  } as unknown as Wrapped<T[K]>;
  wrapper.__original = original;
  owner[name] = wrapper;
  return () => {
    active = false;
    if (owner[name] !== wrapper) return;
    if (before) Object.defineProperty(owner, name, before);
    else delete (owner as Record<string, unknown>)[name];
  };
}
