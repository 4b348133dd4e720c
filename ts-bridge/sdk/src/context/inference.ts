import type { Context } from "@opentelemetry/api";

/** Something that has begun and not ended, and may be the reason for what happens now. */
export interface Activity {
  /** Carries the span that what follows becomes a child of. */
  readonly context: Context;
  readonly parent: Activity | undefined;
  /** Keeps the window open until what this returns is called. */
  hold(): () => void;
}

/** Marks a span or record whose parent was concluded and not known. */
export const INFERRED = { "otbridge.parent": "inferred" } as const;

/** More spans open at once than this belong to a program in which nothing can be concluded. */
const MAX_ACTIVITIES = 64;

/**
 * Concludes a parent where the context was lost, as browsers do after each `await`.
 *
 * First choice is the innermost open `bridge.span(…)`, if only one can be meant: where two run side
 * by side, it is what both of them are in. Otherwise it is the interaction, a click or a page load,
 * whose window is open.
 */
export class Inference {
  /** The interaction whose window is open. */
  interaction: Activity | undefined;
  readonly #scopes: Activity[] = [];

  /** Adds an open `bridge.span(…)`; returns what takes it away. */
  enter(scope: Activity): () => void {
    if (this.#scopes.length >= MAX_ACTIVITIES) return () => {};
    this.#scopes.push(scope);
    return () => {
      const at = this.#scopes.indexOf(scope);
      if (at >= 0) this.#scopes.splice(at, 1);
    };
  }

  current(): Context | undefined {
    let candidate = this.#scopes.at(-1);
    while (candidate && !this.#scopes.every((scope) => related(scope, candidate as Activity))) {
      candidate = candidate.parent;
    }
    return (candidate ?? this.interaction)?.context;
  }
}

function related(one: Activity, other: Activity): boolean {
  return isWithin(one, other) || isWithin(other, one);
}

function isWithin(inner: Activity, outer: Activity): boolean {
  for (let at: Activity | undefined = inner; at; at = at.parent) if (at === outer) return true;
  return false;
}
