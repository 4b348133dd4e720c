import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { plainAttributes, plainValue } from "../../src/testing/plain.js";

// biome-ignore lint/suspicious/noExplicitAny: frames are what a test says they are
export type Frame = any;

export interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano?: string;
  status: { code?: number; message?: string };
  scope: string;
  attributes: Record<string, unknown>;
  events: { name: string; attributes: Record<string, unknown> }[];
}

export interface Log {
  body: unknown;
  eventName?: string;
  severityNumber: number;
  traceId?: string;
  spanId?: string;
  scope: string;
  attributes: Record<string, unknown>;
}

export interface HubOptions {
  live?: boolean;
  /** HTTP only: every upgrade is refused. */
  noSocket?: boolean;
  /** Answers a POST instead of taking it; `undefined` takes it. */
  onPost?: (
    body: Frame,
  ) => { status: number; headers?: Record<string, string>; body?: unknown } | undefined;
  /** Answers a frame instead of taking it; `true` when it did. */
  onFrame?: (frame: Frame, socket: WebSocket) => boolean | undefined;
}

/** A hub on a real port that speaks the bridge protocol and remembers what it heard. */
export class TestHub {
  readonly frames: Frame[] = [];
  readonly posts: Frame[] = [];
  readonly spans: Span[] = [];
  readonly logs: Log[] = [];
  readonly opened: Span[] = [];
  readonly dropped: Record<string, number> = {};
  readonly closed: number[] = [];
  hellos: Frame[] = [];
  options: HubOptions;
  #server: Server;
  #sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "otbridge.v1.json" });
  #taken = new Map<string, Set<number>>();
  #settled = new Map<string, number>();
  #watchers: (() => void)[] = [];

  private constructor(options: HubOptions) {
    this.options = options;
    this.#server = createServer((request, response) => void this.#request(request, response));
    this.#server.on("upgrade", (request, socket, head) => {
      if (this.options.noSocket) return void socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#connected(ws));
    });
  }

  static async start(options: HubOptions = {}, port = 0): Promise<TestHub> {
    const hub = new TestHub(options);
    await new Promise<void>((resolve) => hub.#server.listen(port, "127.0.0.1", resolve));
    return hub;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resolves when *condition* holds; looked at whenever something arrives. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (condition()) resolve();
        else this.#watchers.push(check);
      };
      check();
    });
  }

  broadcast(frame: Frame): void {
    for (const socket of this.#sockets.clients) socket.send(JSON.stringify(frame));
  }

  /** Breaks every connection without a word. */
  cut(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  closeAll(code: number, reason = ""): void {
    for (const socket of this.#sockets.clients) socket.close(code, reason);
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #connected(socket: WebSocket): void {
    let stream = "";
    socket.on("message", (data) => {
      const frame = JSON.parse(String(data)) as Frame;
      this.frames.push(frame);
      if (frame.k === "hello") {
        stream = frame.stream;
        this.hellos.push(frame);
      }
      if (!this.options.onFrame?.(frame, socket)) this.#answer(frame, stream, socket);
      this.#tell();
    });
    socket.on("close", (code) => {
      this.closed.push(code);
      this.#tell();
    });
  }

  #answer(frame: Frame, stream: string, socket: WebSocket): void {
    const say = (answer: Frame) => socket.send(JSON.stringify(answer));
    switch (frame.k) {
      case "hello":
        this.#settle(stream, frame.oldest - 1);
        say({
          k: "ready",
          v: 1,
          conn: "t",
          last: this.#settled.get(stream) ?? 0,
          window: 8,
          max_bytes: 262144,
          ping_s: 25,
          live: this.options.live ?? false,
          config: {},
          clock: Date.now(),
        });
        break;
      case "batch":
        this.#take(stream, frame);
        say({ k: "ack", id: this.#settled.get(stream) });
        break;
      case "open":
        this.opened.push(...frame.spans.map((span: Frame) => toSpan(span, span.scope)));
        break;
      case "ping":
        say({ k: "pong", t: frame.t });
    }
  }

  #settle(stream: string, id: number): void {
    const taken = this.#taken.get(stream) ?? new Set();
    let settled = Math.max(this.#settled.get(stream) ?? 0, id);
    while (taken.has(settled + 1)) settled++;
    this.#settled.set(stream, settled);
  }

  #take(stream: string, batch: Frame): void {
    const taken = this.#taken.get(stream) ?? new Set();
    this.#taken.set(stream, taken);
    if (batch.oldest) this.#settle(stream, batch.oldest - 1);
    if (taken.has(batch.id)) return;
    taken.add(batch.id);
    for (const { scope, spans } of batch.spans ?? [])
      this.spans.push(...spans.map((span: Frame) => toSpan(span, scope.name)));
    for (const { scope, logRecords } of batch.logs ?? [])
      this.logs.push(...logRecords.map((log: Frame) => toLog(log, scope.name)));
    for (const [reason, count] of Object.entries(batch.dropped ?? {})) {
      this.dropped[reason] = (this.dropped[reason] ?? 0) + (count as number);
    }
    this.#settle(stream, 0);
  }

  async #request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.setHeader("access-control-allow-origin", "*");
    if (request.url !== "/v1/bridge" || request.method !== "POST") {
      response.writeHead(404).end();
      return;
    }
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Frame;
    this.posts.push({ ...body, contentType: request.headers["content-type"] });
    const special = this.options.onPost?.(body);
    if (special) {
      response.writeHead(special.status, special.headers).end(JSON.stringify(special.body ?? {}));
    } else {
      this.#settle(body.stream, body.oldest - 1);
      for (const batch of body.batches) this.#take(body.stream, batch);
      this.opened.push(...(body.open ?? []).map((span: Frame) => toSpan(span, span.scope)));
      const live = this.options.live ? { live: true } : {};
      response
        .writeHead(200)
        .end(JSON.stringify({ k: "ack", id: this.#settled.get(body.stream) ?? 0, ...live }));
    }
    this.#tell();
  }

  #tell(): void {
    for (const check of this.#watchers.splice(0)) check();
  }
}

function toSpan(span: Frame, scope: string): Span {
  return {
    ...span,
    scope,
    attributes: plainAttributes(span.attributes),
    events: (span.events ?? []).map((event: Frame) => ({
      ...event,
      attributes: plainAttributes(event.attributes),
    })),
  };
}

function toLog(log: Frame, scope: string): Log {
  return { ...log, scope, body: plainValue(log.body), attributes: plainAttributes(log.attributes) };
}
