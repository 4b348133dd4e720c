import { type Context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Bridge } from "../bridge.js";
import type { Activity } from "../context/inference.js";
import { later } from "../delivery/timers.js";
import type { AttributeMap } from "../options.js";
import { RecordingSpan } from "../otel/span.js";

/** A request that hangs must not keep a click open for ever. */
const MAX_MS = 30_000;

export interface InteractionInit {
  name: string;
  attributes: AttributeMap;
  /** How long nothing may happen until it is over, in milliseconds. */
  quiet: number;
  /** Carries a parent from elsewhere; a new trace without one. */
  parent?: Context;
  /** Unix milliseconds; now when not given. */
  start?: number;
}

/**
 * The beginning of a trace: a click, a page load, a change of page.
 *
 * Its span is the parent of what follows without a parent of its own, until nothing of it is under
 * way any more and then nothing new began for a while.
 */
export class Interaction implements Activity {
  readonly context: Context;
  readonly #bridge: Bridge;
  readonly #quiet: number;
  readonly #forget: () => void;
  readonly #limit: ReturnType<typeof setTimeout>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #held = 0;
  #last: number;

  constructor(bridge: Bridge, init: InteractionInit) {
    this.#bridge = bridge;
    this.#quiet = init.quiet;
    const start = init.start ?? bridge.clock.now();
    this.#last = start;
    const parent = init.parent ?? ROOT_CONTEXT;
    const span = bridge.tracer.startSpan(
      init.name,
      { attributes: init.attributes as never, startTime: start, root: !init.parent },
      parent,
    );
    if (span instanceof RecordingSpan) span.activity = this;
    this.context = trace.setSpan(parent, span);
    bridge.inference.interaction = this;
    this.#forget = bridge.onLeave(() => this.end());
    this.#limit = later(() => this.end(), MAX_MS);
    // The next task is after the handlers: what they took is the least that the click took.
    this.#timer = later(() => this.#rest(), 0);
  }

  hold(): () => void {
    this.#held++;
    clearTimeout(this.#timer);
    return () => {
      this.#held--;
      this.#rest();
    };
  }

  /** Ends it with the last thing that happened in it. */
  end(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#limit);
    this.#forget();
    const { inference } = this.#bridge;
    if (inference.interaction === this) inference.interaction = undefined;
    trace.getSpan(this.context)?.end(this.#last);
  }

  #rest(): void {
    this.#last = this.#bridge.clock.now();
    if (this.#held > 0) return;
    clearTimeout(this.#timer);
    this.#timer = later(() => this.end(), this.#quiet);
  }
}
