import { toNanos, unixNow } from "../clock.js";
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
import { attributesField, encodeEvent, encodeLink } from "../wire/records.js";
import { collect, quote, quoteText } from "../wire/values.js";
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
  readonly attributes: Record<string, unknown> = {};
  name: string;
  /** OTLP's number of the status: 2 is an error. */
  status: SpanStatus = { code: 0 };
  /** The interaction that this span is in. */
  activity: Activity | undefined;
  /** JSON of the instrumentation scope. */
  readonly scope: string;
  readonly #host: Host;
  readonly #context: SpanContext;
  /** The JSON of what does not change any more. */
  readonly #head: string;
  readonly #start: number;
  readonly #began: number;
  readonly #events: string[] = [];
  readonly #links: string[] = [];
  #droppedEvents = 0;
  #release: (() => void) | undefined;
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
    this.name = name;
    this.activity = activity;
    this.#release = activity?.hold();
    this.#began = performance.now();
    this.#start = startTime === undefined ? unixNow() : toUnixMs(startTime);
    const state = context.traceState?.serialize();
    this.#head =
      `{"traceId":"${context.traceId}","spanId":"${context.spanId}","flags":${context.traceFlags}` +
      (parent ? `,"parentSpanId":"${parent.spanId}"` : "") +
      (state ? `,"traceState":${quote(state)}` : "") +
      `,"kind":${kind + 1},"startTimeUnixNano":"${toNanos(this.#start)}"`;
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  isRecording(): boolean {
    return this.#open;
  }

  setAttribute(key: string, value: unknown): this {
    if (this.#open) this.attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Attributes | undefined): this {
    if (this.#open) Object.assign(this.attributes, collect(attributes));
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (!this.#open || (this.#events.length >= MAX_EVENTS && ++this.#droppedEvents)) return this;
    const isTime = isTimeInput(attributesOrTime);
    const at = isTime ? attributesOrTime : time;
    const when = at === undefined ? unixNow() : toUnixMs(at);
    this.#events.push(encodeEvent(name, when, isTime ? undefined : attributesOrTime));
    return this;
  }

  addLink(link: Link): this {
    if (this.#open && this.#links.length < MAX_EVENTS) this.#links.push(encodeLink(link));
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  setStatus(status: SpanStatus): this {
    // OK is final, and nothing takes a status back: the API's rules.
    if (this.#open && this.status.code !== 1 && status.code) this.status = status;
    return this;
  }

  updateName(name: string): this {
    if (this.#open) this.name = name;
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    this.addEvent("exception", exceptionAttributes(exception), time);
  }

  end(time?: TimeInput): void {
    if (!this.#open) return;
    this.#open = false;
    this.#release?.();
    this.#host._onEnd(this);
    const elapsed = performance.now() - this.#began;
    const end = time === undefined ? this.#start + elapsed : toUnixMs(time);
    const record: OutgoingRecord = {
      kind: "span",
      name: this.name,
      severity: this.status.code === 2 ? 17 : 9,
      attributes: this.attributes,
    };
    this.#host._onRecord(record, this.scope, (more) => {
      this.name = record.name;
      return this.encode(more, Math.max(this.#start, end));
    });
  }

  /** OTLP/JSON; without *end* it is that of a span that has begun. */
  encode(more: Record<string, unknown> | undefined, end?: number): string {
    const { code, message } = this.status;
    return (
      `${this.#head},"name":${quoteText(this.name)}` +
      (end ? `,"endTimeUnixNano":"${toNanos(end)}"` : "") +
      attributesField(this.attributes, more) +
      list("events", this.#events) +
      (this.#droppedEvents ? `,"droppedEventsCount":${this.#droppedEvents}` : "") +
      list("links", this.#links) +
      (code
        ? `,"status":{"code":${code}${message ? `,"message":${quoteText(message)}` : ""}}}`
        : "}")
    );
  }
}

function list(name: string, items: readonly string[]): string {
  return items.length ? `,"${name}":[${items}]` : "";
}

function isTimeInput(value: unknown): value is TimeInput {
  return typeof value === "number" || value instanceof Date || Array.isArray(value);
}
