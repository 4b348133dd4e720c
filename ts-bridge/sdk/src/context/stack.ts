import type { Context, ContextManagementToken, ContextManager } from "@opentelemetry/api";
import { ROOT_CONTEXT } from "@opentelemetry/api";

/**
 * Context for browsers: a stack that holds while a function runs, and is picked up again by
 * {@link StackContextManager.resume} where we know what comes next.
 *
 * No browser carries context across `await`, and patching promises cannot mend that: native
 * `async` functions do not use the patched one.
 */
export class StackContextManager implements ContextManager {
  #current: Context = ROOT_CONTEXT;
  #resumed: Context | undefined;

  active(): Context {
    return this.#current;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    const previous = this.#current;
    this.#current = context;
    try {
      return fn.call(thisArg as ThisParameterType<F>, ...args);
    } finally {
      this.#current = previous;
    }
  }

  bind<T>(context: Context, target: T): T {
    if (typeof target !== "function") return target;
    const manager = this;
    return function (this: unknown, ...args: unknown[]): unknown {
      return manager.with(
        context,
        target as unknown as (...args: unknown[]) => unknown,
        this,
        ...args,
      );
    } as T;
  }

  attach(context: Context): ContextManagementToken {
    const previous = this.#current;
    this.#current = context;
    let attached = true;
    return {
      dispose: () => {
        if (attached) this.#current = previous;
        attached = false;
      },
    };
  }

  /**
   * Makes *context* active for the code that waited for the promise which is just being fulfilled.
   *
   * That code runs in the microtasks of this very task, so the context is taken away with the next
   * task. Never replaces a context that somebody attached.
   */
  resume(context: Context): void {
    if (this.#current !== ROOT_CONTEXT && this.#current !== this.#resumed) return;
    this.#current = this.#resumed = context;
    setTimeout(() => {
      if (this.#current === context && this.#resumed === context) this.#current = ROOT_CONTEXT;
    });
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#current = ROOT_CONTEXT;
    return this;
  }
}
