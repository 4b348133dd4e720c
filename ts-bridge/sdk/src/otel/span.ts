import { monotonic, toNanos, unixNow } from "../clock.js";
import type { Activity } from "../context/inference.js";
import type {
  Attributes,
  Exception,
  Link,
  Span,
  SpanContext,
  SpanOptions,
  SpanStatus,
  TimeInput,
} from "../opentelemetry.js";
import type { OutgoingRecord } from "../options.js";
import { exceptionAttributes } from "../wire/exceptions.js";
import { spanEvent, spanLink, withAttributes } from "../wire/records.js";
import { cleanText, collect } from "../wire/values.js";
import type { Host } from "./host.js";

/** Events and links kept of one span; OpenTelemetry's default limit for both. */
const MAX_EVENTS = 128;

/**
 * An API time as unix milliseconds, exact to a quarter of a microsecond. Small numbers count from the
 * page's time origin.
 */
export function toUnixMs(time: TimeInput): number {
  if (Array.isArray(time)) return time[0] * 1e3 + time[1] / 1e6;
  const { timeOrigin } = performance;
  return +time < timeOrigin / 2 ? timeOrigin + +time : +time;
}

/** A span that is kept: the API's contract, and the little more that we need. */
export class RecordingSpan implements Span {
  /** JSON of the instrumentation scope. */
  readonly scope: string;
  /** The interaction that this span is in. */
  activity: Activity | undefined;
  readonly #host: Host;
  readonly #context: SpanContext;
  /** What `beforeSend` may change. */
  readonly #record: OutgoingRecord & { severity: number };
  readonly #parent: SpanContext | undefined;
  readonly #kind: number;
  readonly #start: number;
  readonly #began = monotonic();
  readonly #events: object[] = [];
  readonly #links: object[] = [];
  readonly #release: (() => void) | undefined;
  /** OTLP's number of the status: 2 is an error. */
  #status: SpanStatus = { code: 0 };
  #droppedEvents = 0;
  #open = true;

  constructor(
    host: Host,
    scope: string,
    context: SpanContext,
    parent: SpanContext | undefined,
    activity: Activity | undefined,
    name: string,
    { kind = 0, startTime }: SpanOptions,
  ) {
    this.#host = host;
    this.scope = scope;
    this.#context = context;
    this.#record = { kind: "span", name, severity: 9, attributes: {} };
    this.activity = activity;
    this.#release = activity?.hold();
    this.#start = toUnixMs(startTime ?? unixNow());
    this.#parent = parent;
    this.#kind = kind;
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  isRecording(): boolean {
    return this.#open;
  }

  setAttribute(key: string, value: unknown): this {
    if (this.#open) this.#record.attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Attributes | undefined): this {
    if (this.#open) Object.assign(this.#record.attributes, collect(attributes));
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (!this.#open || (this.#events.length >= MAX_EVENTS && ++this.#droppedEvents)) return this;
    const isTime = isTimeInput(attributesOrTime);
    const at = (isTime ? attributesOrTime : time) ?? unixNow();
    this.#events.push(spanEvent(name, toUnixMs(at), isTime ? undefined : attributesOrTime));
    return this;
  }

  addLink(link: Link): this {
    if (this.#open && this.#links.length < MAX_EVENTS) this.#links.push(spanLink(link));
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  setStatus(status: SpanStatus): this {
    // OK is final, and nothing takes a status back: the API's rules.
    if (this.#open && this.#status.code !== 1 && status.code) {
      this.#status = status;
      this.#record.severity = status.code === 2 ? 17 : 9;
    }
    return this;
  }

  updateName(name: string): this {
    if (this.#open) this.#record.name = name;
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    this.addEvent("exception", exceptionAttributes(exception), time);
  }

  end(time?: TimeInput): void {
    if (!this.#open) return;
    this.#open = false;
    this.#release?.();
    const host = this.#host;
    host._onEnd(this);
    const end = toUnixMs(time ?? this.#start + monotonic() - this.#began);
    host._onRecord(this.#record, this.scope, (more) =>
      this.encode(more, Math.max(this.#start, end)),
    );
  }

  /** OTLP/JSON; without *end* it is that of a span that has begun. */
  encode(more: Record<string, unknown> | undefined, end?: number): object {
    const { code, message } = this.#status;
    const { name, attributes } = this.#record;
    const { traceId, spanId, traceFlags, traceState } = this.#context;
    const fields = {
      traceId,
      spanId,
      flags: traceFlags,
      parentSpanId: this.#parent?.spanId,
      traceState: traceState?.serialize() || undefined,
      kind: this.#kind + 1,
      name: cleanText(name),
      startTimeUnixNano: toNanos(this.#start),
      endTimeUnixNano: end && toNanos(end),
      events: this.#events[0] && this.#events,
      droppedEventsCount: this.#droppedEvents || undefined,
      links: this.#links[0] && this.#links,
      status: code ? { code, message: message && cleanText(message) } : undefined,
    };
    return withAttributes(fields, attributes, more);
  }
}

function isTimeInput(value: unknown): value is TimeInput {
  return typeof value === "number" || value instanceof Date || Array.isArray(value);
}
