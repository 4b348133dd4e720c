import { type Context, type ContextManagementToken, ROOT_CONTEXT } from "../opentelemetry.js";
import type { BridgeContextManager } from "../platform.js";

/**
 * Context for browsers: a stack that holds while a function runs, and is picked up again by
 * `resume` where we know what comes next.
 *
 * No browser carries context across `await`, and patching promises cannot mend that: native
 * `async` functions do not use the patched one.
 */
export function stackContexts(): BridgeContextManager {
  let current: Context = ROOT_CONTEXT;
  let resumed: Context | undefined;
  const attach = (context: Context): ContextManagementToken => {
    const previous = current;
    current = context;
    let attached = true;
    return {
      dispose() {
        if (attached) current = previous;
        attached = false;
      },
    };
  };
  const manager: BridgeContextManager = {
    active: () => current,
    with(context, fn, thisArg, ...args) {
      const token = attach(context);
      try {
        return fn.call(thisArg as ThisParameterType<typeof fn>, ...args);
      } finally {
        token.dispose();
      }
    },
    bind<T>(context: Context, target: T): T {
      if (typeof target !== "function") return target;
      return function (this: unknown, ...args: unknown[]): unknown {
        return manager.with(context, () => target.apply(this, args));
      } as T;
    },
    attach,
    // That code runs in the microtasks of this very task, so the context is taken away with the
    // next task. Never replaces a context that somebody attached.
    resume(context) {
      if (current !== ROOT_CONTEXT && current !== resumed) return;
      current = resumed = context;
      setTimeout(() => {
        if (current === context && resumed === context) current = ROOT_CONTEXT;
      });
    },
    enable: () => manager,
    disable() {
      current = ROOT_CONTEXT;
      return manager;
    },
  };
  return manager;
}
