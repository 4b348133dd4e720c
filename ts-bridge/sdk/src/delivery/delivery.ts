import type { Clock } from "../clock.js";
import type { Channel, ChannelEvents, ChannelFactory, Identity } from "../transports/channel.js";
import { PostChannel } from "../transports/post.js";
import { warnOnce } from "../warn.js";
import { addCounts, type Counts, type DropReason, type LedgerSnapshot } from "./ledger.js";
import { type Batch, Outbox } from "./outbox.js";
import { type Item, RecordQueue } from "./queue.js";
import { backoff, later } from "./timers.js";

/** A record larger than this is let go: it might not fit a frame once it is UTF-8. */
const MAX_RECORD_CHARS = 80_000;
/** Small enough that what waits when a page goes away can be picked batch by batch. */
const BATCH_RECORDS = 500;
const BATCH_CHARS = 40_000;
/** Rule 4: not more than this unacknowledged. */
const MAX_UNACKNOWLEDGED = 1_048_576;
/** Rule 7. */
const FAILURES_UNTIL_POST = 3;
const WAIT_UNTIL_POST_MS = 10_000;
const SOCKET_AGAIN_MS = 300_000;
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
  clock: Clock;
  /** Absent: everything goes by POST. */
  socket: ChannelFactory | undefined;
  /** Whether POST may stand in for a socket; it always does when the page goes away. */
  fallback: boolean;
  /** How long a record waits for others, in milliseconds. */
  flushInterval: number;
  /** Spans that have begun since the last call; all that are open when *again*. */
  takeOpen(again: boolean): string[];
}

/** A way to the hub, and how it fared. */
interface Route {
  readonly channel: Channel;
  /** In a row. */
  failures: number;
  /** Not to be tried before this. */
  nextTry: number;
}

const routeOver = (channel: Channel): Route => ({ channel, failures: 0, nextTry: 0 });

/** Takes encoded records and gets each to the hub once, by whatever way there is. */
export class Delivery implements ChannelEvents {
  readonly #options: DeliveryOptions;
  readonly #queue = new RecordQueue();
  readonly #outbox = new Outbox();
  readonly #post: PostChannel;
  readonly #posting: Route;
  readonly #socket: Route | undefined;
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
    this.#posting = routeOver(this.#post);
    this.#socket = options.socket && routeOver(options.socket(options.identity, this));
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
    this.#since = Math.min(this.#since, this.now());
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
    if (this.#socket?.channel.live || this.#post.live) this.#wake(this.#options.flushInterval);
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
    const socket = this.#socket?.channel;
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
    this.#posting.nextTry = 0;
    if (this.#socket) {
      this.#socket.nextTry = 0;
      this.#socket.channel.probe();
    }
    this.#wake(0);
  }

  /** Sends nothing more; what waits is counted. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.channel.close(true);
    const queued = this.#queue.take(Infinity, Infinity).length;
    this.#drop("stopped", queued + this.#outbox.records);
    this.#outbox.remove(() => true);
    this.#notify();
  }

  // ------------------------------------------------------------------ what the channels say

  now(): number {
    return this.#options.clock.now();
  }

  oldest(): number {
    return this.#outbox.oldest;
  }

  onReady(channel: Channel, last: number): void {
    const route = this.#routeOver(channel);
    route.failures = route.nextTry = 0;
    if (route === this.#socket) {
      this.#outbox.land(channel);
      this.#announceAll = true;
    }
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
      warnOnce(`the hub refused records for good: ${why}`);
      this.#outbox.remove((held) => held === batch);
      this.#rejected += batch.n;
      this.#notify();
    } else {
      batch.via = undefined;
      batch.sends--; // asked to wait is not a failed attempt
      batch.notBefore = this.now() + retryMs;
      this.#wake(retryMs);
    }
  }

  onLost(channel: Channel, why: string, retryMs?: number, tooLarge?: boolean): void {
    const sent = this.#outbox.batches.filter(({ via }) => via === channel);
    const [largest] = sent.sort((a, b) => b.bytes - a.bytes);
    if (tooLarge && largest) this.onNack(largest.id, why);
    this.#outbox.land(channel);
    if (retryMs === Infinity) {
      warnOnce(
        `nothing more is sent, because ${this.#options.identity.base} refuses this page: ${why}`,
      );
      this.stop();
      return;
    }
    const route = this.#routeOver(channel);
    if (retryMs === undefined) route.failures++;
    const failed =
      route === this.#socket && this.#options.fallback && route.failures >= FAILURES_UNTIL_POST;
    const delay = retryMs ?? (failed ? SOCKET_AGAIN_MS : backoff(route.failures));
    route.nextTry = this.now() + delay;
    this.#wake(failed ? 0 : delay);
  }

  // ------------------------------------------------------------------ the work

  #wake(delay: number): void {
    const due = this.now() + delay;
    if (this.#stopped || due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = later(() => this.#pump(), delay);
  }

  #pump(): void {
    clearTimeout(this.#timer);
    this.#due = Infinity;
    if (!this.#stopped && !this.#paused) this.#work(this.now());
    this.#notify();
  }

  #work(now: number): void {
    for (const { n, dropped } of this.#outbox.expire(now)) {
      this.#drop("expired", n);
      addCounts(this.#untold, dropped);
    }
    const { channel, nextTry } = this.#choose(now);
    if (now < nextTry) this.#wake(nextTry - now);
    else if (channel.ready) this.#send(channel);
    else {
      channel.connect();
      this.#wake(TICK_MS);
    }
    if (!this.#queue.length) this.#flushing = false;
    if (this.stats().waiting) this.#wake(Math.min(TICK_MS, this.#options.flushInterval));
  }

  /** Rule 7: the socket, and POST where it fails or takes too long. */
  #choose(now: number): Route {
    const socket = this.#socket;
    if (!socket) return this.#posting;
    const since = Math.min(this.#since, this.#outbox.batches[0]?.sealedAt ?? Infinity);
    const patient = socket.failures < FAILURES_UNTIL_POST && now - since < WAIT_UNTIL_POST_MS;
    if (socket.channel.ready || patient || !this.#options.fallback) return socket;
    if (now >= socket.nextTry) socket.channel.connect();
    return this.#posting;
  }

  #send(channel: Channel): void {
    const now = this.now();
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
    const batch = this.#outbox.seal(items, this.#untold, this.now());
    this.#untold = {};
    if (!this.#queue.length) this.#since = Infinity;
    return batch;
  }

  #routeOver(channel: Channel): Route {
    return this.#socket?.channel === channel ? this.#socket : this.#posting;
  }

  #notify(): void {
    for (const check of this.#watchers) check();
  }
}
