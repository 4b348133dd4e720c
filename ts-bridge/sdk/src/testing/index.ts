/**
 * A hub in memory, for tests of code that uses otbridge. No network, no timers of its own.
 */

import type { SocketConstructor, SocketLike } from "../transports/websocket.js";
import { plainAttributes, plainValue, type WireAttribute, type WireValue } from "./plain.js";

/** A span as a test wants to look at it. */
export interface SeenSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  /** OTLP's number: 1 internal, 2 server, 3 client. */
  kind: number;
  failed: boolean;
  durationMs: number;
  attributes: Record<string, unknown>;
  events: { name: string; attributes: Record<string, unknown> }[];
}

/** A log record as a test wants to look at it. */
export interface SeenLog {
  body: unknown;
  eventName: string;
  severity: number;
  traceId: string | undefined;
  spanId: string | undefined;
  attributes: Record<string, unknown>;
}

/** What `memoryHub` returns. */
export interface MemoryHub {
  /** For `init({ url })`. */
  readonly url: string;
  /** For `init({ WebSocket, transport: "websocket" })`. */
  readonly WebSocket: SocketConstructor;
  readonly spans: SeenSpan[];
  readonly logs: SeenLog[];
  /** Attributes of the resource of the last client that connected. */
  resource: Record<string, unknown>;
}

/**
 * A hub that takes everything, and keeps it where a test can see it.
 *
 * @example
 * const hub = memoryHub();
 * const bridge = init({ service: "shop", url: hub.url, WebSocket: hub.WebSocket, transport: "websocket" });
 * placeOrder();
 * await bridge.flush();
 * expect(hub.spans.map((span) => span.name)).toEqual(["order"]);
 * await bridge.stop();
 */
export function memoryHub(): MemoryHub {
  const hub: MemoryHub = {
    url: "http://hub.test",
    spans: [],
    logs: [],
    resource: {},
    WebSocket: class MemorySocket implements SocketLike {
      readyState = 0;
      readonly bufferedAmount = 0;
      onopen: ((event: never) => void) | null = null;
      onmessage: ((event: never) => void) | null = null;
      onclose: ((event: never) => void) | null = null;
      onerror: ((event: never) => void) | null = null;

      constructor() {
        queueMicrotask(() => {
          this.readyState = 1;
          this.onopen?.({} as never);
        });
      }

      send(data: string): void {
        const frame = JSON.parse(data) as ClientFrame;
        if (frame.k === "hello") {
          hub.resource = plainAttributes(frame.resource);
          this.#answer({ k: "ready", v: 1, conn: "memory", last: 0, window: 8, live: false });
        } else if (frame.k === "batch") {
          hub.spans.push(...(frame.spans ?? []).flatMap((scope) => scope.spans.map(seenSpan)));
          hub.logs.push(...(frame.logs ?? []).flatMap((scope) => scope.logRecords.map(seenLog)));
          this.#answer({ k: "ack", id: frame.id });
        }
      }

      #answer(frame: object): void {
        queueMicrotask(() => this.onmessage?.({ data: JSON.stringify(frame) } as never));
      }

      close(): void {
        this.readyState = 3;
      }
    },
  };
  return hub;
}

interface WireSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: WireAttribute[];
  events?: { name: string; attributes?: WireAttribute[] }[];
  status?: { code?: number };
}

interface WireLog {
  body?: WireValue;
  eventName?: string;
  severityNumber: number;
  traceId?: string;
  spanId?: string;
  attributes?: WireAttribute[];
}

interface ClientFrame {
  k: string;
  id?: number;
  resource?: WireAttribute[];
  spans?: { spans: WireSpan[] }[];
  logs?: { logRecords: WireLog[] }[];
}

function seenSpan(span: WireSpan): SeenSpan {
  const nanos = BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano);
  return {
    name: span.name,
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    kind: span.kind,
    failed: span.status?.code === 2,
    durationMs: Number(nanos) / 1e6,
    attributes: plainAttributes(span.attributes),
    events: (span.events ?? []).map(({ name, attributes }) => ({
      name,
      attributes: plainAttributes(attributes),
    })),
  };
}

function seenLog(log: WireLog): SeenLog {
  return {
    body: plainValue(log.body),
    eventName: log.eventName ?? "",
    severity: log.severityNumber,
    traceId: log.traceId,
    spanId: log.spanId,
    attributes: plainAttributes(log.attributes),
  };
}
