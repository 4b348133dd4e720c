import type { RecordingSpan } from "./otel/span.js";
import { quote } from "./wire/values.js";

/** Spans beyond this are not shown while they run; they are sent when they end, like all. */
const MAX_OPEN = 512;
/** One frame's worth. */
const MAX_CHARS = 100_000;

/** Spans that have begun and not ended, for a hub that shows them. */
export class OpenSpans {
  /** Each with whether the hub knows of it. */
  readonly #spans = new Map<RecordingSpan, boolean>();

  get size(): number {
    return this.#spans.size;
  }

  add(span: RecordingSpan): void {
    if (this.#spans.size < MAX_OPEN) this.#spans.set(span, false);
  }

  delete(span: RecordingSpan): void {
    this.#spans.delete(span);
  }

  /** JSON of those that the hub does not know of, or of all when *again*. */
  take(again: boolean, more: Record<string, unknown> | undefined): string[] {
    const taken: string[] = [];
    let chars = 0;
    for (const [span, known] of this.#spans) {
      if ((known && !again) || chars > MAX_CHARS) continue; // what does not fit comes next time
      this.#spans.set(span, true);
      const { name } = JSON.parse(span.scope) as { name: string };
      const json = `${span.encode(more).slice(0, -1)},"scope":${quote(name)}}`;
      chars += json.length;
      taken.push(json);
    }
    return taken;
  }
}
