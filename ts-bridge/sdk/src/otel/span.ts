import type {
  Attributes,
  Exception,
  Link,
  Span,
  SpanContext,
  SpanStatus,
  TimeInput,
} from "@opentelemetry/api";
import { type Clock, toNanos } from "../clock.js";
import type { Activity } from "../context/inference.js";
import { exceptionAttributes } from "../wire/exceptions.js";
import { encodeEvent, encodeLink, encodeSpan } from "../wire/records.js";

/** Events and links kept of one span; OpenTelemetry's default limit for both. */
const MAX_EVENTS = 128;

/** What a span tells when it begins and when it ends. */
export interface SpanObserver {
  readonly clock: Clock;
  onEnd(span: RecordingSpan): void;
}

/** An API time as unix milliseconds. Small numbers count from the page's time origin. */
export function toUnixMs(time: TimeInput): number {
  if (Array.isArray(time)) return time[0] * 1e3 + time[1] / 1e6;
  const number = +time;
  return number < performance.timeOrigin / 2 ? performance.timeOrigin + number : number;
}

/** A span that is kept; the API's contract, and the little more that we need. */
export class RecordingSpan implements Span {
  readonly attributes: Record<string, unknown> = {};
  readonly parentSpanId: string | undefined;
  /** JSON of the instrumentation scope. */
  readonly scope: string;
  readonly start: number;
  /** The interaction or `bridge.span(…)` that this span is in. */
  activity: Activity | undefined;
  /** Unix milliseconds; `undefined` while the span is open. */
  endedAt: number | undefined;
  name: string;
  status: SpanStatus = { code: 0 };
  readonly #observer: SpanObserver;
  readonly #context: SpanContext;
  readonly #kind: number;
  readonly #began: number;
  readonly #events: string[] = [];
  readonly #links: string[] = [];
  #droppedEvents = 0;
  #release: (() => void) | undefined;

  constructor(
    observer: SpanObserver,
    context: SpanContext,
    init: {
      name: string;
      kind: number;
      scope: string;
      parentSpanId: string | undefined;
      activity: Activity | undefined;
      startTime: TimeInput | undefined;
    },
  ) {
    this.#observer = observer;
    this.#context = context;
    this.#kind = init.kind;
    this.#began = observer.clock.monotonic();
    this.name = init.name;
    this.scope = init.scope;
    this.parentSpanId = init.parentSpanId;
    this.start = init.startTime === undefined ? observer.clock.now() : toUnixMs(init.startTime);
    this.activity = init.activity;
    this.#release = init.activity?.hold();
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  isRecording(): boolean {
    return this.endedAt === undefined;
  }

  setAttribute(key: string, value: unknown): this {
    if (this.isRecording() && key) this.attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const key in attributes) this.setAttribute(key, attributes[key]);
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (!this.isRecording()) return this;
    const isTime = isTimeInput(attributesOrTime);
    const at = isTime ? attributesOrTime : time;
    if (this.#events.length >= MAX_EVENTS) this.#droppedEvents++;
    else {
      const when = at === undefined ? this.#observer.clock.now() : toUnixMs(at);
      this.#events.push(encodeEvent(name, when, isTime ? undefined : attributesOrTime));
    }
    return this;
  }

  addLink(link: Link): this {
    if (this.isRecording() && this.#links.length < MAX_EVENTS) this.#links.push(encodeLink(link));
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  setStatus(status: SpanStatus): this {
    // OK is final, and nothing takes a status back: the API's rules.
    if (this.isRecording() && this.status.code !== 1 && status.code) this.status = { ...status };
    return this;
  }

  updateName(name: string): this {
    if (this.isRecording()) this.name = name;
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    this.addEvent("exception", exceptionAttributes(exception), time);
  }

  end(time?: TimeInput): void {
    if (!this.isRecording()) return;
    // The monotonic clock measures: the wall clock may have been set while the span ran.
    const elapsed = this.#observer.clock.monotonic() - this.#began;
    this.endedAt = Math.max(this.start, time === undefined ? this.start + elapsed : toUnixMs(time));
    this.#release?.();
    this.#release = undefined;
    this.#observer.onEnd(this);
  }

  /** OTLP/JSON; without an end while the span is open. */
  encode(...more: (Readonly<Record<string, unknown>> | undefined)[]): string {
    return encodeSpan(
      {
        context: this.#context,
        parentSpanId: this.parentSpanId,
        name: this.name,
        kind: this.#kind + 1,
        start: toNanos(this.start),
        ...(this.endedAt !== undefined && { end: toNanos(this.endedAt) }),
        attributes: this.attributes,
        events: this.#events,
        links: this.#links,
        droppedEvents: this.#droppedEvents,
        status: this.status,
      },
      ...more,
    );
  }
}

function isTimeInput(value: unknown): value is TimeInput {
  return typeof value === "number" || value instanceof Date || (Array.isArray(value) && value.length === 2);
}
