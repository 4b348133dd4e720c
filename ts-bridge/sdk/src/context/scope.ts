import type { Context } from "@opentelemetry/api";
import type { Activity } from "./inference.js";

/** An open `bridge.span(…)`. What happens in it also happens in the interaction around it. */
export class Scope implements Activity {
  readonly context: Context;
  readonly parent: Activity | undefined;

  constructor(context: Context, parent: Activity | undefined) {
    this.context = context;
    this.parent = parent;
  }

  hold(): () => void {
    return this.parent?.hold() ?? (() => {});
  }
}
