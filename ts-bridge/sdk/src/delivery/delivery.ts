import type { Channel, ChannelEvents, ChannelFactory, Identity } from "../transports/channel.js";
import { PostChannel } from "../transports/post.js";
import { warnOnce } from "../warn.js";
import { addCounts, type Counts, type DropReason, type LedgerSnapshot } from "./ledger.js";
import { type Batch, Outbox } from "./outbox.js";
import { type Item, RecordQueue } from "./queue.js";
import { Routes } from "./routes.js";
import { later } from "./timers.js";

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
  identity: Identity;
  /** Absent: everything goes by POST. */
  socket: ChannelFactory | undefined;
  /** Whether POST may stand in for a socket; it always does when the page goes away. */
  fallback: boolean;
  /** How long a record waits for others, in milliseconds. */
  flushInterval: number;
  /** Spans that have begun since the last call; all that are open when *again*. */
  takeOpen(again: boolean): string[];
}

/** Takes encoded records and gets each to the hub once, by whatever way there is. */
export class Delivery implements ChannelEvents {
  readonly #options: DeliveryOptions;
  readonly #queue = new RecordQueue();
  readonly #outbox = new Outbox();
  readonly #post: PostChannel;
  readonly #socket: Channel | undefined;
  readonly #routes: Routes;
  #accepted = 0;
  #delivered = 0;
  #rejected = 0;
  readonly #dropped: Counts = {};
  /** Of the dropped, those that the hub has not been told of. */
  #untold: Counts = {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = Infinity;
  /** When the first of the queued records came. */
  #since = Infinity;
  #flushing = false;
  #announceAll = false;
  /** Until the page has loaded, and while it is away. */
  #paused = true;
  #stopped = false;
  readonly #watchers = new Set<() => void>();

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#post = new PostChannel(options.identity, this);
    this.#socket = options.socket?.(options.identity, this);
    this.#routes = new Routes(this.#post, this.#socket, options.fallback);
  }

  /** Begins to connect and to send, which is not done while a page still loads. */
  start(): void {
    this.#paused = false;
    this.#wake(0);
  }

  put(item: Item): void {
    const queue = this.#queue;
    this.#accepted++;
    if (this.#stopped || item.json.length > MAX_RECORD_CHARS) {
      this.#drop(this.#stopped ? "stopped" : "too_big", 1);
      return;
    }
    this.#drop("queue_full", queue.put(item));
    this.#since = Math.min(this.#since, performance.now());
    const full = queue.length >= BATCH_RECORDS || queue.chars >= BATCH_CHARS;
    this.#wake(full ? 0 : this.#options.flushInterval);
  }

  /** Counts a record that is let go before it is queued. */
  discard(reason: DropReason): void {
    this.#accepted++;
    this.#drop(reason, 1);
  }

  #drop(reason: DropReason, n: number): void {
    if (!n) return;
    for (const counts of [this.#dropped, this.#untold]) addCounts(counts, { [reason]: n });
  }

  /** There is a span to announce. */
  announce(): void {
    if (this.#socket?.live || this.#post.live) this.#wake(this.#options.flushInterval);
  }

  flush(timeoutMs: number): Promise<FlushResult> {
    const before = this.stats();
    this.#flushing = true;
    this.#paused = false;
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        this.#watchers.delete(check);
        const after = this.stats();
        const delivered = after.delivered - before.delivered;
        const settled = after.accepted - after.waiting - (before.accepted - before.waiting);
        resolve({ delivered, failed: settled - delivered, waiting: after.waiting });
      };
      const check = () => {
        const { accepted, waiting } = this.stats();
        if (!waiting || accepted - waiting >= before.accepted) finish();
      };
      // Not `later`: whoever waits for a flush wants the process to stay for it.
      const timer = setTimeout(finish, timeoutMs);
      this.#watchers.add(check);
      this.#pump();
    });
  }

  stats(): LedgerSnapshot {
    return {
      accepted: this.#accepted,
      delivered: this.#delivered,
      rejected: this.#rejected,
      dropped: { ...this.#dropped },
      waiting: this.#queue.length + this.#outbox.records,
    };
  }

  /**
   * The page was hidden and may never come back: rule 8.
   *
   * @param leaving - it is going away, so the socket, which could keep it out of the back/forward
   *   cache, is closed.
   * @param allEnded - no span is open. Otherwise no goodbye is said, so that the hub knows what was lost.
   */
  hide(leaving: boolean, allEnded: boolean): void {
    if (this.#stopped) return;
    while (this.#queue.length) this.#seal();
    const socket = this.#socket;
    if (socket?.ready) this.#send(socket);
    this.#post.sendLast(this.#outbox.batches);
    if (!leaving) return;
    this.#paused = true;
    socket?.close(allEnded);
    this.#outbox.land(socket);
  }

  /** The page is back, or the network is. */
  show(): void {
    this.#paused = false;
    this.#routes.forgive();
    this.#socket?.probe();
    this.#wake(0);
  }

  /** Sends nothing more; what waits is counted. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.close(true);
    const queued = this.#queue.take(Infinity, Infinity).length;
    this.#drop("stopped", queued + this.#outbox.records);
    this.#outbox.remove(() => true);
    this.#notify();
  }

  // ------------------------------------------------------------------ what the channels say

  oldest(): number {
    return this.#outbox.oldest;
  }

  onReady(channel: Channel, last: number): void {
    this.#routes.recovered(channel);
    this.#outbox.land(channel);
    if (channel === this.#socket) this.#announceAll = true;
    this.onAck(last);
  }

  onAck(id: number, rejected = 0): void {
    for (const { n } of this.#outbox.remove((batch) => batch.id <= id)) this.#delivered += n;
    this.#delivered -= rejected;
    this.#rejected += rejected;
    this.#pump();
  }

  onNack(id: number, why: string | undefined, retryMs?: number): void {
    const batch = this.#outbox.batches.find((held) => held.id === id);
    if (!batch) return;
    if (retryMs === undefined) {
      warnOnce(`the hub refused records: ${why}`);
      this.#outbox.remove((held) => held === batch);
      this.#rejected += batch.n;
      this.#notify();
    } else {
      batch.via = undefined;
      batch.sends--; // asked to wait is not a failed attempt
      batch.notBefore = performance.now() + retryMs;
      this.#wake(retryMs);
    }
  }

  onLost(channel: Channel, why: string, retryMs?: number): void {
    this.#outbox.land(channel);
    if (retryMs === Infinity) {
      warnOnce(`${this.#options.identity.base} refuses this page, so nothing is sent: ${why}`);
      this.stop();
      return;
    }
    this.#wake(this.#routes.failed(channel, performance.now(), retryMs));
  }

  // ------------------------------------------------------------------ the work

  #wake(delay: number): void {
    const due = performance.now() + delay;
    if (this.#stopped || due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = later(() => this.#pump(), delay);
  }

  #pump(): void {
    clearTimeout(this.#timer);
    this.#due = Infinity;
    if (!this.#stopped && !this.#paused) this.#work(performance.now());
    this.#notify();
  }

  #work(now: number): void {
    for (const { n, dropped } of this.#outbox.expire(now)) {
      this.#drop("expired", n);
      addCounts(this.#untold, dropped);
    }
    const since = Math.min(this.#since, this.#outbox.batches[0]?.sealedAt ?? Infinity);
    const { channel, nextTry } = this.#routes.choose(now, since);
    if (now < nextTry) this.#wake(nextTry - now);
    else if (channel.ready) this.#send(channel);
    else {
      channel.connect();
      this.#wake(TICK_MS);
    }
    if (!this.#queue.length) this.#flushing = false;
    if (this.stats().waiting) this.#wake(Math.min(TICK_MS, this.#options.flushInterval));
  }

  #send(channel: Channel): void {
    const now = performance.now();
    const { flushInterval, takeOpen } = this.#options;
    const open = channel.live ? takeOpen(this.#announceAll) : [];
    if (open.length) channel.announce(open);
    this.#announceAll &&= !channel.live;

    let { window } = channel;
    let bytes = MAX_UNACKNOWLEDGED;
    const chosen: Batch[] = [];
    const choose = (batch: Batch) => {
      window--;
      bytes -= batch.bytes;
      if (!batch.via) chosen.push(batch);
    };
    const { batches } = this.#outbox;
    for (const batch of batches) if (batch.via) choose(batch);
    for (const batch of batches) {
      if (!batch.via && batch.notBefore <= now && window > 0 && bytes > 0) choose(batch);
    }
    // A timer may fire a little before its time.
    const due = this.#flushing || now - this.#since >= flushInterval - 2;
    const queue = this.#queue;
    while (queue.length && window > 0 && bytes > 0 && (due || queue.chars >= BATCH_CHARS))
      choose(this.#seal());
    if (chosen.length || (open.length && channel === this.#post && window > 0))
      channel.send(chosen);
  }

  #seal(): Batch {
    const items = this.#queue.take(BATCH_RECORDS, BATCH_CHARS);
    const batch = this.#outbox.seal(items, this.#untold, performance.now());
    this.#untold = {};
    if (!this.#queue.length) this.#since = Infinity;
    return batch;
  }

  #notify(): void {
    for (const check of this.#watchers) check();
  }
}
