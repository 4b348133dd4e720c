import type { Inference } from "../context/inference.js";
import type { OutgoingRecord } from "../options.js";
import type { RecordingSpan } from "./span.js";

/** What tracers, loggers and spans need of the bridge that they belong to. */
export interface Host {
  /** False after `stop()`: what was handed out before then keeps nothing any more. */
  readonly _running: boolean;
  readonly _inference: Inference;
  /** Share of new traces that is kept, 0 to 1. */
  readonly _sampleRate: number;
  _onStart(span: RecordingSpan): void;
  _onEnd(span: RecordingSpan): void;
  _onUnsampled(): void;
  /**
   * A record is complete.
   *
   * @param scope - JSON of its instrumentation scope.
   * @param encode - makes OTLP of *record*, with these attributes added.
   */
  _onRecord(
    record: OutgoingRecord,
    scope: string,
    encode: (more: Record<string, unknown> | undefined) => object,
  ): void;
}
