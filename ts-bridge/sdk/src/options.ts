import type { SocketConstructor } from "./transports/websocket.js";

/** Anything that can be recorded; nested objects are kept as such. */
export type AttributeMap = Readonly<Record<string, unknown>>;

/** A span or a log record before it leaves, for `beforeSend`. */
export interface OutgoingRecord {
  readonly kind: "span" | "log";
  /** The span's name, or the record's event name. */
  name: string;
  /** What the record says; a span has none. */
  body?: unknown;
  /** OpenTelemetry's severity number; 0 for a span. */
  readonly severity: number;
  /** May be changed. */
  attributes: Record<string, unknown>;
}

/** Whom the records are about. */
export interface User {
  id?: string;
  name?: string;
  email?: string;
}

export interface BridgeOptions {
  /** The name under which this page or program appears, for example `shop-web`. */
  service: string;
  /**
   * The hub, or where `asgi_app()` is mounted: `http://localhost:4318`, `/telemetry`.
   * A path is taken from the page's own origin.
   */
  url: string;
  /** The version of your code. */
  version?: string | undefined;
  /** For example `production`. */
  environment?: string | undefined;
  /** More attributes of the resource: they describe the page, not one record. */
  attributes?: AttributeMap | undefined;
  /** What the hub wants as a proof, or a function that fetches one. Never part of an address. */
  token?: string | (() => string | Promise<string>) | undefined;
  /**
   * What to record by itself. More can be plugged in and out later.
   * @default []
   */
  instrument?: readonly Instrumentation[] | undefined;
  /**
   * How records travel.
   * - `auto`: a WebSocket, and POST where none can be had. In Node: POST.
   * - `websocket`: only that, except at the moment a page goes away.
   * - `http`: only POST.
   * @default "auto"
   */
  transport?: "auto" | "websocket" | "http" | undefined;
  /** Sees each record before it leaves; may change it, or return `false` to let it go. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that only changes the record returns nothing
  beforeSend?: ((record: OutgoingRecord) => boolean | void) | undefined;
  /**
   * Share of new traces that is kept, 0 to 1. Log records are always kept.
   * @default 1
   */
  sampleRate?: number | undefined;
  /**
   * How long a record waits for others, in milliseconds.
   * @default 200 over a WebSocket, 1000 over POST
   */
  flushInterval?: number | undefined;
  /**
   * The WebSocket to use where the platform has none, for example that of `ws` in Node 20.
   * @default globalThis.WebSocket
   */
  WebSocket?: SocketConstructor | undefined;
}

/**
 * Something that can be plugged into a bridge: it begins to record, and returns what ends that.
 *
 * It must leave everything it touched exactly as it was.
 */
export type Instrumentation = (bridge: import("./bridge.js").Bridge) => () => void;
