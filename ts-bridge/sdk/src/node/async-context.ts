import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, type ContextManagementToken, ROOT_CONTEXT } from "@opentelemetry/api";
import type { BridgeContextManager } from "../platform.js";

type Callback = (...args: unknown[]) => unknown;

/** Context for Node, which carries it across `await`, timers and events by itself. */
export class AsyncContextManager implements BridgeContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(context, () => fn.call(thisArg as ThisParameterType<F>, ...args));
  }

  bind<T>(context: Context, target: T): T {
    if (typeof target !== "function") return target;
    const storage = this.#storage;
    return function (this: unknown, ...args: unknown[]): unknown {
      return storage.run(context, () => (target as unknown as Callback).apply(this, args));
    } as T;
  }

  attach(context: Context): ContextManagementToken {
    const previous = this.#storage.getStore();
    this.#storage.enterWith(context);
    return { dispose: () => this.#storage.enterWith(previous ?? ROOT_CONTEXT) };
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#storage.disable();
    return this;
  }
}
