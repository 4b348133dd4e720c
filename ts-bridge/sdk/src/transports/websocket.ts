import { unixNow } from "../clock.js";
import type { Batch } from "../delivery/outbox.js";
import { later } from "../delivery/timers.js";
import { readFrame, SUBPROTOCOL } from "../wire/frames.js";
import { type Channel, type ChannelEvents, type Identity, introduction } from "./channel.js";

/** The part of the standard WebSocket that is used; the one of Node and of `ws` have it too. */
export interface SocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

export type SocketConstructor = new (url: string, protocols?: string) => SocketLike;

const OPEN = 1;
/** Rule 4: with more than this unsent in the socket, nothing more is put into it. */
const MAX_BUFFERED = 262_144;
/** A hub that has not said `ready`, or anything after a ping, by then will not. */
const ANSWER_MS = 10_000;
/** The same after a page came back; rule 6. */
const PROBE_MS = 3_000;
/** Close codes after which this hub is not asked again: origin, version. */
const FINAL = [4403, 4406];
const BAD_TOKEN = 4401;

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
  #fullWindow = 0;
  #maxBytes = 0;
  #pingMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The last token was refused; a second refusal in a row is final. */
  #refused = false;

  constructor(identity: Identity, events: ChannelEvents, Socket: SocketConstructor) {
    this.#identity = identity;
    this.#events = events;
    this.#Socket = Socket;
  }

  get window(): number {
    if (!this.#socket || this.#socket.bufferedAmount > MAX_BUFFERED) return 0;
    return this.#window;
  }

  connect(): void {
    if (this.#timer) return;
    this.#expect(ANSWER_MS);
    void this.#open(this.#timer);
  }

  async #open(attempt: unknown): Promise<void> {
    const { base, token: ask } = this.#identity;
    let token: string | undefined;
    try {
      // Asked for only when one is needed, and given the time it takes.
      token = ask && (await ask());
      if (attempt !== this.#timer) return; // closed meanwhile
      this.#socket = new this.#Socket(`${base.replace(/^http/, "ws")}/v1/bridge`, SUBPROTOCOL);
    } catch (error) {
      this.#lose(`${error}`); // there is no token, or a page under https may not open ws:
      return;
    }
    // What follows an error is a close; to Node's `ws` an unheard error is one that nobody caught.
    this.#socket.onerror = () => {};
    this.#socket.onopen = () =>
      this.#transmit(
        `{"k":"hello",${introduction(this.#identity, this.#events, token)},"epoch":${++this.#epoch},"caps":["live"]}`,
      );
    this.#socket.onmessage = ({ data }: { data: unknown }) => this.#receive(data);
    this.#socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
      const again = code === BAD_TOKEN && !this.#refused;
      const never = FINAL.includes(code) || (code === BAD_TOKEN && this.#refused);
      if (again) this.#refused = true;
      this.#lose(`${code} ${reason}`, never ? Infinity : again ? 0 : undefined);
    };
  }

  #receive(data: unknown): void {
    const frame = readFrame(data);
    const events = this.#events;
    switch (frame?.k) {
      case "ready":
        this.ready = true;
        this.live = frame.live === true;
        this.#window = this.#fullWindow = frame.window ?? 8;
        this.#maxBytes = frame.max_bytes ?? MAX_BUFFERED;
        this.#pingMs = (frame.ping_s ?? 25) * 1_000;
        this.#refused = false;
        events.onReady(this, frame.last ?? 0);
        break;
      case "ack":
        events.onAck(frame.id ?? 0, frame.rejected);
        break;
      case "nack":
        events.onNack(
          frame.id ?? 0,
          frame.why,
          frame.fatal ? undefined : (frame.retry_ms ?? 1_000),
        );
        break;
      case "slow":
        this.#window = frame.window ?? 1;
        later(() => {
          this.#window = this.#fullWindow;
        }, frame.for_ms);
        break;
      case "goaway":
        // What it took, it has acknowledged before this.
        this.#lose(`${frame.why}`, frame.retry_ms);
    }
    // Whatever came is a sign of life: the next ping is due after silence. Rule 6.
    if (this.ready) this.#after(this.#pingMs, () => this.#ping(ANSWER_MS));
  }

  #ping(patience: number): void {
    this.#transmit(`{"k":"ping","t":${unixNow()}}`);
    this.#expect(patience);
  }

  probe(): void {
    if (this.ready) this.#ping(PROBE_MS);
  }

  send(batches: readonly Batch[]): void {
    for (const batch of batches) {
      if (batch.bytes > this.#maxBytes) {
        this.#events.onNack(batch.id, "larger than it takes");
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
    if (leaving) this.#transmit('{"k":"bye"}');
    this.#forget();
  }

  /** A socket that is closing takes data without a word; what matters is sent again later. */
  #transmit(text: string): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(text);
  }

  #lose(why: string, retryMs?: number): void {
    this.#forget();
    this.#events.onLost(this, why, retryMs);
  }

  #forget(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.ready = this.live = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }

  #expect(patience: number): void {
    this.#after(patience, () => this.#lose("no answer"));
  }

  #after(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = later(then, ms);
  }
}
