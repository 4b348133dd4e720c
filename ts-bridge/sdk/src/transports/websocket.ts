import type { Batch } from "../delivery/outbox.js";
import { later } from "../delivery/timers.js";
import { SDK_NAME, VERSION } from "../version.js";
import { readFrame, type ServerFrame, SUBPROTOCOL } from "../wire/frames.js";
import type { Channel, ChannelEvents, Identity, Loss } from "./channel.js";

/** The part of the standard WebSocket that is used; the one of Node and of `ws` have it too. */
export interface SocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export type SocketConstructor = new (url: string, protocols?: string) => SocketLike;

const OPEN = 1;
/** Rule 4: not more than this unacknowledged, nor unsent in the socket. */
const MAX_UNACKNOWLEDGED = 1_048_576;
const MAX_BUFFERED = 262_144;
/** A hub that has not said `ready` by then will not. */
const CONNECT_TIMEOUT_MS = 10_000;
const PONG_TIMEOUT_MS = 10_000;
/** Rule 6, after a page came back. */
const PROBE_TIMEOUT_MS = 3_000;

/** Close codes after which this hub is not asked again, by what was wrong. */
const FINAL: Record<number, string> = {
  4403: "it does not take data from this origin. Add the origin to the hub's allow-list",
  4406: `it does not speak ${SUBPROTOCOL}. Use a hub and a browser SDK of like age`,
};

/** The bridge over a WebSocket. */
export class SocketChannel implements Channel {
  ready = false;
  live = false;
  readonly #identity: Identity;
  readonly #events: ChannelEvents;
  readonly #Socket: SocketConstructor;
  #socket: SocketLike | undefined;
  #epoch = 0;
  #window = 0;
  #slow = { window: Infinity, until: 0 };
  #maxBytes = MAX_BUFFERED;
  #pingMs = 25_000;
  #heard = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retryMs: number | undefined;
  /** The token was refused; a second refusal in a row is final. */
  #tokenRefused = false;

  constructor(identity: Identity, events: ChannelEvents, Socket: SocketConstructor) {
    this.#identity = identity;
    this.#events = events;
    this.#Socket = Socket;
  }

  connect(): void {
    if (this.#socket || this.#timer) return;
    this.#within(CONNECT_TIMEOUT_MS, "no answer");
    const { token } = this.#identity;
    // A function may be asked for a token only when one is needed, and may take its time.
    if (token) Promise.resolve().then(token).then((value) => this.#open(value), () => this.#lose(1006));
    else this.#open();
  }

  #open(token?: string): void {
    if (!this.#timer) return; // closed while the token was fetched
    let socket: SocketLike;
    try {
      const url = `${this.#identity.base.replace(/^http/, "ws")}/v1/bridge`;
      socket = this.#socket = new this.#Socket(url, SUBPROTOCOL);
    } catch (error) {
      this.#lose(1006, String(error)); // a page under https may not open ws:
      return;
    }
    const current = <E>(handler: (event: E) => void) => (event: E) => {
      if (this.#socket === socket) handler(event);
    };
    socket.onopen = current(() => socket.send(this.#hello(token)));
    socket.onmessage = current((event: { data: unknown }) => this.#receive(readFrame(event.data)));
    socket.onclose = current((event: { code: number; reason: string }) => this.#lose(event.code, event.reason));
  }

  #hello(token: string | undefined): string {
    const { stream, resource } = this.#identity;
    return (
      `{"k":"hello","v":1,"stream":"${stream}","epoch":${++this.#epoch},"resource":${resource}` +
      `,"sdk":{"name":"${SDK_NAME}","version":"${VERSION}"},"caps":["live"]` +
      `,"clock":${this.#events.now()},"oldest":${this.#events.oldest()}` +
      `${token ? `,"token":${JSON.stringify(token)}` : ""}}`
    );
  }

  #receive(frame: ServerFrame | undefined): void {
    this.#heard = this.#events.now();
    switch (frame?.k) {
      case "ready":
        this.#window = frame.window ?? 8;
        this.#maxBytes = frame.max_bytes ?? MAX_BUFFERED;
        this.#pingMs = (frame.ping_s ?? 25) * 1_000;
        this.live = frame.live === true;
        this.ready = true;
        this.#tokenRefused = false;
        this.#listen();
        this.#events.onReady(this, frame.last ?? 0);
        break;
      case "ack":
        this.#events.onAck(frame.id ?? 0, frame.rejected ?? 0);
        break;
      case "nack":
        this.#events.onNack(frame.id ?? 0, frame.why ?? "", frame.fatal ? undefined : (frame.retry_ms ?? 1_000));
        break;
      case "slow":
        this.#slow = { window: frame.window ?? 1, until: this.#heard + (frame.for_ms ?? 0) };
        break;
      case "goaway":
        this.#retryMs = frame.retry_ms ?? 1_000;
        break;
      case "pong":
        this.#listen();
    }
  }

  /** Pings after the silence that the hub asked for; rule 6. */
  #listen(): void {
    this.#wait(this.#pingMs, () => {
      const silence = this.#events.now() - this.#heard;
      if (silence >= this.#pingMs) this.#ping(PONG_TIMEOUT_MS);
      else this.#wait(this.#pingMs - silence, () => this.#ping(PONG_TIMEOUT_MS));
    });
  }

  #ping(timeout: number): void {
    this.#transmit(`{"k":"ping","t":${Math.round(this.#events.now())}}`);
    this.#within(timeout, "no pong");
  }

  probe(): void {
    if (this.ready) this.#ping(PROBE_TIMEOUT_MS);
  }

  room(inFlight: { batches: number; bytes: number }): { batches: number; bytes: number } {
    const socket = this.#socket;
    if (!socket || socket.bufferedAmount > MAX_BUFFERED) return { batches: 0, bytes: 0 };
    const slow = this.#events.now() < this.#slow.until ? this.#slow.window : Infinity;
    return {
      batches: Math.min(this.#window, slow) - inFlight.batches,
      bytes: MAX_UNACKNOWLEDGED - inFlight.bytes,
    };
  }

  send(batches: readonly Batch[]): void {
    for (const batch of batches) {
      if (batch.bytes > this.#maxBytes) {
        this.#events.onNack(batch.id, "larger than this hub takes", undefined);
        continue;
      }
      batch.via = this;
      batch.sends++;
      this.#transmit(`${batch.json},"oldest":${this.#events.oldest()}}`);
    }
  }

  announce(spans: readonly string[]): void {
    this.#transmit(`{"k":"open","spans":[${spans}]}`);
  }

  close(leaving: boolean): void {
    const socket = this.#socket;
    this.#forget();
    if (!socket) return;
    if (leaving && socket.readyState === OPEN) socket.send('{"k":"bye"}');
    socket.close(1000);
  }

  /** A socket that is closing takes data without a word; what matters is resent later. */
  #transmit(text: string): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(text);
  }

  #lose(code: number, reason = ""): void {
    const socket = this.#socket;
    const wasReady = this.ready;
    const loss = this.#explain(code, reason);
    this.#forget();
    socket?.close();
    // A connection that worked is not a failure in a row.
    this.#events.onLost(this, wasReady && loss.kind === "failed" && code !== 1006 ? { ...loss, kind: "told" } : loss);
  }

  #explain(code: number, reason: string): Loss {
    const why = `the connection was closed with ${code}${reason && `, ${reason}`}`;
    const final = FINAL[code];
    if (final) return { kind: "stop", why: final };
    if (code === 4401) {
      const again = !this.#tokenRefused && this.#identity.token !== undefined;
      this.#tokenRefused = true;
      return again
        ? { kind: "told", why, retryMs: 0 }
        : { kind: "stop", why: "it does not accept the token. Pass `token` a function that gives a fresh one" };
    }
    const retryMs = this.#retryMs;
    return {
      kind: retryMs === undefined ? "failed" : "told",
      why,
      ...(retryMs !== undefined && { retryMs }),
      tooLarge: code === 1009 || code === 4413,
    };
  }

  #forget(): void {
    const socket = this.#socket;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    this.#socket = undefined;
    this.ready = this.live = false;
    this.#retryMs = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #within(ms: number, why: string): void {
    const asked = this.#events.now();
    this.#wait(ms, () => {
      // Anything heard since then is as good as a pong.
      if (this.ready && this.#heard >= asked) this.#listen();
      else this.#lose(1006, why);
    });
  }

  #wait(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = later(then, ms);
  }
}
