import type { Batch } from "../delivery/outbox.js";
import { originalOf } from "../instrument/patch.js";
import { readFrame } from "../wire/frames.js";
import { type Channel, type ChannelEvents, type Identity, introduction } from "./channel.js";

/** Browsers refuse more than 64 KiB under way with `keepalive`, for all requests together. */
const KEEPALIVE_BUDGET = 60_000;
/** What an empty request has, at most; a resource has a user agent and a few names. */
const OVERHEAD = 4_000;
const TIMEOUT_MS = 10_000;

export interface PostChannel extends Channel {
  /**
   * Sends what fits in requests that the browser finishes after the page is gone, errors first.
   *
   * The same batches may be under way elsewhere: the hub takes each id once.
   */
  _sendLast(batches: readonly Batch[]): void;
}

/** The bridge over `POST`: one request at a time, and those that outlive the page. */
export function postChannel(identity: Identity, events: ChannelEvents): PostChannel {
  const fetch = originalOf(globalThis.fetch);
  let busy = false;
  /** One batch at a time, to find the one that the hub cannot take. */
  let single = false;
  let keptAlive = 0;

  /** *keepalive*: bytes that count against the budget; 0 for an ordinary request. */
  async function post(
    batches: readonly Batch[],
    open: readonly string[],
    keepalive: number,
  ): Promise<void> {
    const { _base, _token } = identity;
    keptAlive += keepalive;
    try {
      // Without a token nothing is awaited: a page that goes away has no second moment.
      const token = _token && (await _token());
      const response = await fetch.call(globalThis, `${_base}/v1/bridge`, {
        method: "POST",
        // Text without a type is text/plain, which needs no preflight as application/json does.
        body:
          `${introduction(identity, events._oldest(), token).slice(0, -1)},"open":[${open}]` +
          `,"batches":[${batches.map(({ _json }) => `${_json}}`)}]}`,
        ...(keepalive ? { keepalive: true } : { signal: AbortSignal.timeout(TIMEOUT_MS) }),
      });
      // Read to its end, or the browser goes on counting it against the keepalive budget.
      const text = await response.text();
      if (!keepalive) busy = false;
      settle(batches, response, text);
    } catch (error) {
      if (!keepalive) busy = false;
      events._onLost(channel, `${error}`);
    }
    keptAlive -= keepalive;
  }

  function settle(batches: readonly Batch[], { status, headers }: Response, text: string): void {
    const frame = readFrame(text);
    const why = `HTTP ${status} ${text.slice(0, 300)}`;
    const seconds = Number(headers.get("retry-after"));
    // Asked to wait is not an attempt; anything else is, and rule 3 counts it.
    if (!seconds) for (const batch of batches) batch._sends++;
    if (status === 200 && frame.k === "ack") {
      const { id = 0, rejected, live } = frame;
      single = false;
      channel._live = !!live;
      events._onAck(id, rejected);
      // A hub that takes less than it is sent is not asked again at once.
      if (batches.every(({ _id }) => _id <= id)) events._onReady(channel, id);
      else events._onLost(channel, why);
    } else if (status !== 400 && status !== 413) {
      const never = status === 401 || status === 403;
      events._onLost(channel, why, never ? Infinity : seconds * 1_000 || undefined);
    } else if (batches[1]) {
      single = true;
      events._onLost(channel, why, 0);
    } else {
      events._onNack(batches[0]?._id ?? 0, why);
      events._onReady(channel, 0);
    }
  }

  const channel = {
    _ready: true,
    _live: false,
    _failures: 0,
    _nextTry: 0,
    get _window() {
      return busy ? 0 : single ? 1 : 8;
    },
    _send(batches: readonly Batch[], open: readonly string[]) {
      busy = true;
      for (const batch of batches) batch._via = channel;
      void post(batches, open, 0);
    },
    _sendLast(batches: readonly Batch[]) {
      let size = OVERHEAD;
      const fitting = [...batches]
        .sort((a, b) => +b._hasError - +a._hasError)
        .filter(({ _bytes }) => {
          const fits = keptAlive + size + _bytes <= KEEPALIVE_BUDGET;
          if (fits) size += _bytes;
          return fits;
        });
      if (fitting.length) void post(fitting, [], size);
    },
  };
  return channel;
}
