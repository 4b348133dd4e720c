import { monotonic } from "../clock.js";
import { each } from "../each.js";
import type { Channel, ChannelEvents, Connector, Identity } from "../transports/channel.js";
import { postChannel } from "../transports/post.js";
import { warnOnce } from "../warn.js";
import { addCounts, type Counts, type DropReason, type LedgerSnapshot } from "./ledger.js";
import { type Batch, makeOutbox } from "./outbox.js";
import { type Item, recordQueue } from "./queue.js";
import { makeRoutes } from "./routes.js";
import { later, type Timer } from "./timers.js";

/** A record larger than this is let go: it might not fit a frame once it is UTF-8. */
const MAX_RECORD_CHARS = 80_000;
/** Small enough that what waits when a page goes away can be picked batch by batch. */
const BATCH_RECORDS = 500;
const BATCH_CHARS = 40_000;
/** Rule 4: not more than this unacknowledged. */
const MAX_UNACKNOWLEDGED = 1_048_576;
/** How often what waits is looked at when nothing else happens. */
const TICK_MS = 1_000;

/** What became of records since `flush` was called. */
export interface FlushResult {
  /** Acknowledged by the hub. */
  delivered: number;
  /** Refused or let go. */
  failed: number;
  /** Still waiting, because the time was over. */
  waiting: number;
}

export interface DeliveryOptions {
  _identity: Identity;
  /** Absent: everything goes by POST. */
  _connector: Connector | undefined;
  /** Whether POST may stand in for a socket; it always does when the page goes away. */
  _fallback: boolean;
  /** How long a record waits for others, in milliseconds. */
  _interval: number;
  /** Spans that have begun since the last call; all that are open when *again*. */
  _takeOpen(again: boolean): string[];
}

/** Takes encoded records and gets each to the hub once, by whatever way there is. */
export interface Delivery {
  /** Begins to connect and to send, which is not done while a page still loads. */
  _start(): void;
  _put(item: Item): void;
  /** Counts a record that is let go before it is queued. */
  _discard(reason: DropReason): void;
  /** There is a span to announce. */
  _announce(): void;
  _flush(timeoutMs: number): Promise<FlushResult>;
  _stats(): LedgerSnapshot;
  /**
   * The page was hidden and may never come back: rule 8.
   *
   * @param leaving - it is going away, so the socket, which could keep it out of the back/forward
   *   cache, is closed.
   * @param allEnded - no span is open. Otherwise no goodbye is said, so that the hub knows what was lost.
   */
  _hide(leaving: boolean, allEnded: boolean): void;
  /** The page is back, or the network is. */
  _show(): void;
  /** Sends nothing more; what waits is counted. */
  _stop(): void;
}

export function makeDelivery({
  _identity,
  _connector,
  _fallback,
  _interval,
  _takeOpen,
}: DeliveryOptions): Delivery {
  const queue = recordQueue();
  const outbox = makeOutbox();
  let accepted = 0;
  let delivered = 0;
  let rejected = 0;
  const dropped: Counts = {};
  /** Of the dropped, those that the hub has not been told of. */
  let untold: Counts = {};
  let timer: Timer | undefined;
  let due = Infinity;
  /** When the first of the queued records came. */
  let since = Infinity;
  let flushing = false;
  let announceAll = false;
  /** Until the page has loaded, and while it is away. */
  let paused = true;
  let stopped = false;
  const watchers = new Set<() => void>();

  // ------------------------------------------------------------------ the ledger

  function drop(reason: DropReason, n: number): void {
    if (!n) return;
    for (const counts of [dropped, untold]) addCounts(counts, { [reason]: n });
  }

  const stats = (): LedgerSnapshot => ({
    accepted,
    delivered,
    rejected,
    dropped: { ...dropped },
    waiting: queue.length + outbox._records(),
  });

  const notify = each(watchers);

  // ------------------------------------------------------------------ what the channels say

  const events: ChannelEvents = {
    _oldest: outbox._oldest,
    _onReady(channel, last) {
      channel._failures = channel._nextTry = 0;
      outbox._land(channel);
      if (channel === socket) announceAll = true;
      events._onAck(last);
    },
    _onAck(id, refused = 0) {
      for (const { _n } of outbox._remove(({ _id }) => _id <= id)) delivered += _n;
      delivered -= refused;
      rejected += refused;
      pump();
    },
    _onNack(id, why, retryMs) {
      const batch = outbox._batches.find(({ _id }) => _id === id);
      if (!batch) return;
      if (retryMs === undefined) {
        warnOnce(`records were refused: ${why}`);
        outbox._remove((held) => held === batch);
        rejected += batch._n;
        notify();
      } else {
        batch._via = undefined;
        batch._sends--; // asked to wait is not a failed attempt
        batch._notBefore = monotonic() + retryMs;
        wake(retryMs);
      }
    },
    _onLost(channel, why, retryMs) {
      outbox._land(channel);
      if (retryMs === Infinity) {
        warnOnce(`nothing is sent, ${_identity._base} refuses: ${why}`);
        stop();
      } else {
        wake(routes._failed(channel, monotonic(), retryMs));
      }
    },
  };
  const post = postChannel(_identity, events);
  const socket = _connector?.(_identity, events);
  const routes = makeRoutes(post, socket, _fallback);

  // ------------------------------------------------------------------ the work

  function wake(delay: number): void {
    const at = monotonic() + delay;
    if (stopped || at >= due) return;
    due = at;
    timer = later(pump, delay, timer);
  }

  function pump(): void {
    clearTimeout(timer);
    due = Infinity;
    if (!stopped && !paused) work(monotonic());
    notify();
  }

  function work(now: number): void {
    for (const { _n, _dropped } of outbox._expire(now)) {
      drop("expired", _n);
      addCounts(untold, _dropped);
    }
    const oldest = Math.min(since, outbox._batches[0]?._sealedAt ?? Infinity);
    const channel = routes._choose(now, oldest);
    if (now < channel._nextTry) wake(channel._nextTry - now);
    else if (channel._ready) send(channel);
    else {
      socket?._connect();
      wake(TICK_MS);
    }
    if (!queue.length) flushing = false;
    if (stats().waiting) wake(Math.min(TICK_MS, _interval));
  }

  function send(channel: Channel): void {
    const now = monotonic();
    let window = channel._window;
    let open: string[] = [];
    if (channel._live && window > 0) {
      open = _takeOpen(announceAll);
      announceAll = false;
    }
    let bytes = MAX_UNACKNOWLEDGED;
    const chosen: Batch[] = [];
    const spend = (batch: Batch) => {
      window--;
      bytes -= batch._bytes;
      if (!batch._via) chosen.push(batch);
    };
    const room = () => window > 0 && bytes > 0;
    const { _batches } = outbox;
    for (const batch of _batches) if (batch._via) spend(batch);
    for (const batch of _batches) {
      if (!batch._via && batch._notBefore <= now && room()) spend(batch);
    }
    // A timer may fire a little before its time.
    const isDue = flushing || now - since >= _interval - 2;
    while (queue.length && room() && (isDue || queue._chars >= BATCH_CHARS)) spend(seal());
    if (chosen.length || open.length) channel._send(chosen, open);
  }

  function seal(): Batch {
    const items = queue._take(BATCH_RECORDS, BATCH_CHARS);
    const batch = outbox._seal(items, untold, monotonic());
    untold = {};
    if (!queue.length) since = Infinity;
    return batch;
  }

  function stop(): void {
    stopped = true;
    clearTimeout(timer);
    socket?._close(true);
    drop("stopped", stats().waiting);
    queue._take(Infinity, Infinity);
    outbox._remove(() => true);
    notify();
  }

  function start(): void {
    paused = false;
    wake(0);
  }

  return {
    _start: start,
    _stats: stats,
    _stop: stop,
    _put(item) {
      accepted++;
      if (stopped || item.json.length > MAX_RECORD_CHARS) {
        drop(stopped ? "stopped" : "too_big", 1);
        return;
      }
      drop("queue_full", queue._put(item));
      since = Math.min(since, monotonic());
      wake(queue.length >= BATCH_RECORDS || queue._chars >= BATCH_CHARS ? 0 : _interval);
    },
    _discard(reason) {
      accepted++;
      drop(reason, 1);
    },
    _announce() {
      if (socket?._live || post._live) wake(_interval);
    },
    _flush(timeoutMs) {
      const before = stats();
      flushing = true;
      paused = false;
      return new Promise((resolve) => {
        const finish = () => {
          clearTimeout(flushTimer);
          watchers.delete(check);
          const after = stats();
          const [waiting, delivered] = [after.waiting, after.delivered - before.delivered];
          const settled = after.accepted - waiting - (before.accepted - before.waiting);
          resolve({ delivered, failed: settled - delivered, waiting });
        };
        const check = () => {
          if (accepted - stats().waiting >= before.accepted) finish();
        };
        // Not `later`: whoever waits for a flush wants the process to stay for it.
        const flushTimer = setTimeout(finish, timeoutMs);
        watchers.add(check);
        pump();
      });
    },
    _hide(leaving, allEnded) {
      if (stopped) return;
      while (queue.length) seal();
      if (socket?._ready) send(socket);
      post._sendLast(outbox._batches);
      if (!leaving) return;
      paused = true;
      socket?._close(allEnded);
      outbox._land(socket);
    },
    _show() {
      for (const channel of [post, socket]) if (channel) channel._nextTry = 0;
      socket?._probe();
      start();
    },
  };
}
