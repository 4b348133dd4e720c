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
  const before = Object.getOwnPropertyDescriptor(owner, name);
  const original = owner[name];
  const ours = wrap(original);
  let active = true;
  const wrapper = function (this: unknown, ...args: unknown[]): unknown {
    const target = (active ? ours : original) as (...args: unknown[]) => unknown;
    return new.target ? Reflect.construct(target, args) : target.apply(this, args);
  } as unknown as Wrapped<T[K]>;
  Object.defineProperty(wrapper, "name", { value: name, configurable: true });
  Object.defineProperty(wrapper, "__original", { value: original });
  Object.defineProperty(owner, name, {
    value: wrapper,
    writable: true,
    configurable: true,
    enumerable: before?.enumerable ?? true,
  });
  return () => {
    active = false;
    if (owner[name] !== wrapper) return;
    if (before) Object.defineProperty(owner, name, before);
    else delete (owner as Record<string, unknown>)[name];
  };
}
