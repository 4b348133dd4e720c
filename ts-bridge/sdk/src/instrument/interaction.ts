import type { Bridge } from "../bridge.js";
import { unixNow } from "../clock.js";
import type { Activity } from "../context/inference.js";
import { later } from "../delivery/timers.js";
import { type Attributes, ROOT_CONTEXT, trace } from "../opentelemetry.js";
import { RecordingSpan } from "../otel/span.js";

/** A request that hangs must not keep a click open for ever. */
const MAX_MS = 30_000;

/**
 * The beginning of a trace: a click, a page load, a change of page.
 *
 * Its span is the parent of what follows without a parent of its own, until nothing of it is under
 * way any more and then nothing new began for a while. It ends with the last thing that happened in
 * it.
 *
 * @param quiet - how long nothing may happen until it is over, in milliseconds.
 * @param startTime - unix milliseconds.
 * @param parent - carries the span that it is a child of.
 */
export function beginInteraction(
  bridge: Bridge,
  name: string,
  quiet: number,
  attributes: Attributes,
  startTime = unixNow(),
  parent = ROOT_CONTEXT,
): Activity {
  const { inference } = bridge;
  const root = parent === ROOT_CONTEXT;
  const span = bridge.tracer.startSpan(name, { attributes, startTime, root }, parent);
  let held = 0;
  let last = startTime;

  const rest = () => {
    last = unixNow();
    if (!held) timer = later(end, quiet, timer);
  };
  const end = () => {
    clearTimeout(timer);
    clearTimeout(limit);
    forget();
    if (inference.interaction === interaction) inference.interaction = undefined;
    span.end(last);
  };
  const interaction: Activity = {
    context: trace.setSpan(parent, span),
    hold() {
      held++;
      clearTimeout(timer);
      return () => {
        held--;
        rest();
      };
    },
  };
  if (span instanceof RecordingSpan) span.activity = interaction;
  inference.interaction = interaction;
  const forget = bridge.onLeave(end);
  const limit = later(end, MAX_MS);
  // The next task is after the handlers: what they took is the least that the click took.
  let timer = later(rest);
  return interaction;
}
