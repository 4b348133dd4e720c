import type { RecordingSpan } from "./otel/span.js";
import { toJson } from "./wire/values.js";

/** Spans beyond this are not shown while they run; they are sent when they end, like all. */
const MAX_OPEN = 512;
/** One frame's worth. */
const MAX_CHARS = 100_000;

/** Spans that have begun and not ended, for a hub that shows them; each with whether it knows of it. */
export type OpenSpans = Map<RecordingSpan, boolean>;

export function addOpen(spans: OpenSpans, span: RecordingSpan): void {
  if (spans.size < MAX_OPEN) spans.set(span, false);
}

/** JSON of those that the hub does not know of, or of all when *again*. */
export function takeOpen(
  spans: OpenSpans,
  again: boolean,
  more: Record<string, unknown> | undefined,
): string[] {
  const taken: string[] = [];
  let chars = 0;
  for (const [span, known] of spans) {
    if ((known && !again) || chars > MAX_CHARS) continue; // what does not fit comes next time
    spans.set(span, true);
    const json = toJson({ ...span.encode(more), scope: JSON.parse(span.scope).name });
    chars += json.length;
    taken.push(json);
  }
  return taken;
}
