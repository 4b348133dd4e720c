import { unixNow } from "../clock.js";
import type { Batch } from "../delivery/outbox.js";
import { later, type Timer } from "../delivery/timers.js";
import { readFrame, SUBPROTOCOL } from "../wire/frames.js";
import { type ChannelEvents, type Connection, type Identity, introduction } from "./channel.js";

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
export function socketChannel(
  identity: Identity,
  events: ChannelEvents,
  Socket: SocketConstructor,
): Connection {
  let socket: SocketLike | undefined;
  let epoch = 0;
  let window = 0;
  let fullWindow = 0;
  let maxBytes = 0;
  let pingS = 0;
  let timer: Timer | undefined;
  /** The last token was refused; a second refusal in a row is final. */
  let refused = false;

  async function open(attempt: unknown): Promise<void> {
    const { _base, _token } = identity;
    let token: string | undefined;
    try {
      // Asked for only when one is needed, and given the time it takes.
      token = _token && (await _token());
      if (attempt !== timer) return; // closed meanwhile
      socket = new Socket(`${_base.replace(/^http/, "ws")}/v1/bridge`, SUBPROTOCOL);
    } catch (error) {
      lose(`${error}`); // there is no token, or a page under https may not open ws:
      return;
    }
    // What follows an error is a close; to Node's `ws` an unheard error is one that nobody caught.
    socket.onerror = () => {};
    socket.onopen = () =>
      transmit(
        introduction(identity, events._oldest(), token, {
          k: "hello",
          epoch: ++epoch,
          caps: ["live"],
        }),
      );
    socket.onmessage = ({ data }: { data: unknown }) => receive(data);
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
      const badToken = code === BAD_TOKEN;
      const never = FINAL.includes(code) || (badToken && refused);
      refused ||= badToken;
      lose(`${code} ${reason}`, never ? Infinity : badToken ? 0 : undefined);
    };
  }

  function receive(data: unknown): void {
    const frame = readFrame(data);
    const { k, id = 0, why, retry_ms } = frame;
    if (k === "ready") {
      channel._ready = true;
      channel._live = !!frame.live;
      ({ window: fullWindow = 8, max_bytes: maxBytes = MAX_BUFFERED, ping_s: pingS = 25 } = frame);
      window = fullWindow;
      refused = false;
      events._onReady(channel, frame.last ?? 0);
    } else if (k === "ack") {
      events._onAck(id, frame.rejected);
    } else if (k === "nack") {
      events._onNack(id, why, frame.fatal ? undefined : (retry_ms ?? 1_000));
    } else if (k === "slow") {
      window = frame.window ?? 1;
      later(() => {
        window = fullWindow;
      }, frame.for_ms);
    } else if (k === "goaway") {
      lose(`${why}`, retry_ms); // what it took, it has acknowledged before this
    }
    // Whatever came is a sign of life: the next ping is due after silence. Rule 6.
    if (channel._ready) timer = later(() => ping(ANSWER_MS), pingS * 1_000, timer);
  }

  function ping(patience: number): void {
    transmit(`{"k":"ping","t":${unixNow()}}`);
    expect(patience);
  }

  /** A socket that is closing takes data without a word; what matters is sent again later. */
  function transmit(text: string): void {
    if (socket?.readyState === OPEN) socket.send(text);
  }

  function lose(why: string, retryMs?: number): void {
    forget();
    events._onLost(channel, why, retryMs);
  }

  function forget(): void {
    channel._ready = channel._live = false;
    clearTimeout(timer);
    timer = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
    socket = undefined;
  }

  function expect(patience: number): void {
    timer = later(() => lose("no answer"), patience, timer);
  }

  const channel = {
    _ready: false,
    _live: false,
    _failures: 0,
    _nextTry: 0,
    get _window() {
      return socket && socket.bufferedAmount <= MAX_BUFFERED ? window : 0;
    },
    _connect() {
      if (timer) return;
      expect(ANSWER_MS);
      void open(timer);
    },
    _probe() {
      if (channel._ready) ping(PROBE_MS);
    },
    _send(batches: readonly Batch[], open: readonly string[]) {
      if (open.length) transmit(`{"k":"open","spans":[${open}]}`);
      for (const batch of batches) {
        if (batch._bytes > maxBytes) {
          events._onNack(batch._id, "larger than it takes");
          continue;
        }
        batch._via = channel;
        batch._sends++;
        transmit(`${batch._json},"oldest":${events._oldest()}}`);
      }
    },
    _close(leaving: boolean) {
      if (leaving) transmit('{"k":"bye"}');
      forget();
    },
  };
  return channel;
}
