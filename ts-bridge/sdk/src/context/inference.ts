import type { Context } from "../opentelemetry.js";

/** Marks a span or record whose parent was concluded and not known. */
export const INFERRED = { "otbridge.parent": "inferred" } as const;

/** A click, a page load: what happens in it keeps it open. */
export interface Activity {
  /** Carries the span that what follows becomes a child of. */
  readonly context: Context;
  /** Keeps it open until what this returns is called. */
  hold(): () => void;
}

interface Scope {
  readonly context: Context;
  /** Contexts of all open scopes around it, and its own. */
  readonly path: readonly Context[];
  /** From the next microtask on: what follows it in the same run of code is beside it, not in it. */
  awaited: boolean;
}

/**
 * Concludes a parent where the context was lost, as browsers do after each `await`.
 *
 * First choice is the innermost open `bridge.span(…)`, if only one can be meant: where two run side
 * by side, it is what both of them are in. Otherwise it is the interaction, a click or a page load,
 * whose window is open.
 */
export interface Inference {
  /** The interaction whose window is open. */
  interaction: Activity | undefined;
  /** Adds an open `bridge.span(…)` that was begun in *around*; returns what takes it away. */
  enter(context: Context, around: Context): () => void;
  current(): Context | undefined;
}

export function makeInference(): Inference {
  const scopes = new Set<Scope>();
  const inference: Inference = {
    interaction: undefined,
    enter(context, around) {
      const outer = [...scopes].find((scope) => scope.context === around);
      const scope: Scope = { context, path: [...(outer?.path ?? []), context], awaited: false };
      scopes.add(scope);
      queueMicrotask(() => {
        scope.awaited = true;
      });
      return () => scopes.delete(scope);
    },
    current() {
      const open = [...scopes].filter(({ awaited }) => awaited);
      // The innermost that all others are within, or around.
      const only = open
        .filter(({ path }) => open.every((other) => related(path, other.path)))
        .at(-1);
      return (only ?? inference.interaction)?.context;
    },
  };
  return inference;
}

/** Whether one is the beginning of the other. */
function related(one: readonly Context[], other: readonly Context[]): boolean {
  return one.every((context, at) => at >= other.length || other[at] === context);
}
