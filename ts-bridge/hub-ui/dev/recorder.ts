/** Writes spans and logs of a made-up trace, with the moments at which a hub would hear of them. */

import type { Attributes, GenAI, GenAIKind, LiveItem, Log, Span, SpanKind } from "../src/api.ts";
import { fromMillis } from "../src/model/time.ts";
import type { Ids } from "./ids.ts";

/** What a hub hears, and when: milliseconds from the trace's start. */
export interface Told {
  readonly at: number;
  readonly item: LiveItem;
}

export interface SpanFacts {
  readonly service: string;
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly parent?: Span | null;
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  readonly genai?: Partial<GenAI> & { kind: GenAIKind };
  readonly error?: string;
  readonly exception?: { type: string; message: string; stack: string };
  readonly links?: { span: Span; type: string }[];
}

export const SCOPES: Record<string, string> = {
  "shop-web": "otbridge.web",
  "shop-api": "shop.orders",
  "shop-pricing": "shop.pricing",
  "agent-planner": "otbridge.agents",
  "agent-writer": "otbridge.agents",
};

export class Recorder {
  readonly told: Told[] = [];
  readonly traceId: string;
  readonly #ids: Ids;
  readonly #start: number;

  /** `start`: unix milliseconds. */
  constructor(ids: Ids, start: number, traceId = ids.hex(32)) {
    this.#ids = ids;
    this.#start = start;
    this.traceId = traceId;
  }

  span(facts: SpanFacts): Span {
    const { from, to, error, exception } = facts;
    const nanos = (millis: number) => fromMillis(this.#start + millis);
    const genai = facts.genai
      ? {
          agent: null,
          model: null,
          provider: null,
          tool: null,
          target: null,
          conversation: null,
          usage: null,
          messages: null,
          ...facts.genai,
        }
      : null;
    const ended: Span = {
      trace_id: this.traceId,
      span_id: this.#ids.hex(16),
      parent_span_id: facts.parent?.span_id ?? null,
      name: facts.name,
      kind: facts.kind ?? "internal",
      service: facts.service,
      scope: { name: SCOPES[facts.service] ?? facts.service, version: "0.1.0" },
      start_time_unix_nano: nanos(from),
      duration_nano: Math.round((to - from) * 1e6),
      state: "ended",
      status: error ? "error" : "unset",
      status_message: error ?? "",
      attributes: facts.attributes ?? {},
      events: exception
        ? [
            {
              name: "exception",
              time_unix_nano: nanos(to - 0.4),
              attributes: {
                "exception.type": exception.type,
                "exception.message": exception.message,
                "exception.stacktrace": exception.stack,
              },
            },
          ]
        : [],
      links: (facts.links ?? []).map(({ span, type }) => ({
        trace_id: span.trace_id,
        span_id: span.span_id,
        attributes: { "otbridge.link.type": type },
      })),
      genai,
    };
    const open: Span = {
      ...ended,
      duration_nano: null,
      state: "open",
      status: "unset",
      status_message: "",
      events: [],
      genai: genai && { ...genai, usage: null, messages: null },
    };
    this.told.push(
      { at: from, item: { t: "start", ...open } },
      { at: to, item: { t: "span", ...ended } },
    );
    return ended;
  }

  log(span: Span, at: number, severity: number, body: string, attributes: Attributes = {}): void {
    const names: Record<number, string> = { 5: "DEBUG", 9: "INFO", 13: "WARN", 17: "ERROR" };
    const log: Log = {
      id: this.#ids.hex(16),
      trace_id: span.trace_id,
      span_id: span.span_id,
      time_unix_nano: fromMillis(this.#start + at),
      observed_time_unix_nano: fromMillis(this.#start + at + 1),
      severity_number: severity,
      severity_text: names[severity] ?? "INFO",
      service: span.service,
      scope: { name: SCOPES[span.service] ?? span.service, version: "" },
      body,
      event_name: "",
      attributes,
    };
    this.told.push({ at: at + 1, item: { t: "log", ...log } });
  }

  inOrder(): Told[] {
    return [...this.told].sort((a, b) => a.at - b.at);
  }
}
