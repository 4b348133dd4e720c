import type { RecordingSpan } from "./otel/span.js";
import { quote } from "./wire/values.js";

/** Spans beyond this are not shown while they run; they are sent when they end, like all. */
const MAX_OPEN = 512;
/** One frame's worth. */
const MAX_CHARS = 100_000;

/** Spans that have begun and not ended, for a hub that shows them. */
export class OpenSpans {
  readonly #open = new Set<RecordingSpan>();
  readonly #fresh = new Set<RecordingSpan>();
  readonly #user: () => Record<string, unknown> | undefined;

  constructor(user: () => Record<string, unknown> | undefined) {
    this.#user = user;
  }

  get size(): number {
    return this.#open.size;
  }

  add(span: RecordingSpan): void {
    if (this.#open.size >= MAX_OPEN) return;
    this.#open.add(span);
    this.#fresh.add(span);
  }

  delete(span: RecordingSpan): void {
    this.#open.delete(span);
    this.#fresh.delete(span);
  }

  /** JSON of those that began since the last call, or of all that are open when *again*. */
  take(again: boolean): string[] {
    const taken: string[] = [];
    let chars = 0;
    for (const span of again ? this.#open : this.#fresh) {
      if (chars > MAX_CHARS) break; // the rest stays fresh, for the next time
      this.#fresh.delete(span);
      const { name } = JSON.parse(span.scope) as { name: string };
      const json = `${span.encode(this.#user()).slice(0, -1)},"scope":${quote(name)}}`;
      chars += json.length;
      taken.push(json);
    }
    return taken;
  }
}
