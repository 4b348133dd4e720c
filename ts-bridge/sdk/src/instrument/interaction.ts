import { type Attributes, type Context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Bridge } from "../bridge.js";
import { unixNow } from "../clock.js";
import type { Activity } from "../context/inference.js";
import { later } from "../delivery/timers.js";
import { RecordingSpan } from "../otel/span.js";

/** A request that hangs must not keep a click open for ever. */
const MAX_MS = 30_000;

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

  /**
   * @param quiet - how long nothing may happen until it is over, in milliseconds.
   * @param start - unix milliseconds.
   * @param parent - carries the span that it is a child of.
   */
  constructor(
    bridge: Bridge,
    name: string,
    quiet: number,
    attributes: Attributes,
    start = unixNow(),
    parent = ROOT_CONTEXT,
  ) {
    this.#bridge = bridge;
    this.#quiet = quiet;
    this.#last = start;
    const root = parent === ROOT_CONTEXT;
    const span = bridge.tracer.startSpan(name, { attributes, startTime: start, root }, parent);
    if (span instanceof RecordingSpan) span.activity = this;
    this.context = trace.setSpan(parent, span);
    bridge.inference.interaction = this;
    this.#forget = bridge.onLeave(() => this.end());
    this.#limit = later(() => this.end(), MAX_MS);
    // The next task is after the handlers: what they took is the least that the click took.
    this.#timer = later(() => this.#rest());
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
    this.#last = unixNow();
    if (this.#held) return;
    clearTimeout(this.#timer);
    this.#timer = later(() => this.end(), this.#quiet);
  }
}
