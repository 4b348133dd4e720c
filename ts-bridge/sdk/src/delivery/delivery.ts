import type { Clock } from "../clock.js";
import type { Channel, ChannelEvents, ChannelFactory, Identity, Loss } from "../transports/channel.js";
import { PostChannel } from "../transports/post.js";
import { warnOnce } from "../warn.js";
import { type DropReason, Ledger, type LedgerSnapshot } from "./ledger.js";
import { type Batch, Outbox } from "./outbox.js";
import { type Item, RecordQueue } from "./queue.js";
import { backoff, later } from "./timers.js";

/** A record larger than this is let go: it would not fit a frame once it is UTF-8. */
const MAX_RECORD_CHARS = 80_000;
/** Small enough that what waits when a page goes away can be picked batch by batch. */
const BATCH_RECORDS = 500;
const BATCH_CHARS = 40_000;
/** Rule 7 of the bridge protocol. */
const FAILURES_UNTIL_POST = 3;
const WAIT_UNTIL_POST_MS = 10_000;
const SOCKET_AGAIN_MS = 300_000;
/** How often anything that waits is looked at when nothing else happens. */
const TICK_MS = 1_000;

/** What became of the records that were there when `flush` was called. */
export interface FlushResult {
  /** Acknowledged by the hub meanwhile. */
  delivered: number;
  /** Refused or let go meanwhile. */
  failed: number;
  /** Still waiting. */
  waiting: number;
  timedOut: boolean;
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

/** Two ways to one hub, and what is known of each. */
class Route {
  failures = 0;
  /** Not to be tried before this. */
  nextTry = 0;
  readonly channel: Channel;

  constructor(channel: Channel) {
    this.channel = channel;
  }
}

/** Takes encoded records and gets each to the hub once, by whatever way there is. */
export class Delivery implements ChannelEvents {
  readonly ledger = new Ledger();
  readonly #options: DeliveryOptions;
  readonly #queue = new RecordQueue();
  readonly #outbox = new Outbox();
  readonly #post: PostChannel;
  readonly #posting: Route;
  readonly #socket: Route | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = Infinity;
  #oldestQueued = Infinity;
  #sealAll = false;
  #announceAgain = false;
  /** Until the page has loaded, and while it is away. */
  #paused = true;
  #stopped = false;
  #waiters: (() => void)[] = [];

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#post = new PostChannel(options.identity, this);
    this.#posting = new Route(this.#post);
    this.#socket = options.socket && new Route(options.socket(options.identity, this));
  }

  /** Begins to connect and to send, which is not done while a page still loads. */
  start(): void {
    this.#paused = false;
    this.#wake(0);
  }

  /** Counts a record that was let go before it came here. */
  discard(reason: DropReason): void {
    this.ledger.accepted++;
    this.ledger.drop(reason);
  }

  put(item: Item): void {
    this.ledger.accepted++;
    if (this.#stopped) return this.ledger.drop("stopped");
    if (item.json.length > MAX_RECORD_CHARS) return this.ledger.drop("too_big");
    const evicted = this.#queue.put(item);
    if (evicted) this.ledger.drop("queue_full", evicted);
    const now = this.now();
    this.#oldestQueued = Math.min(this.#oldestQueued, now);
    const full = this.#queue.length >= BATCH_RECORDS || this.#queue.chars >= BATCH_CHARS;
    this.#wake(full ? 0 : this.#options.flushInterval);
  }

  /** There is a span to announce. */
  announce(): void {
    const live = this.#socket?.channel.live || this.#post.live;
    if (live) this.#wake(this.#options.flushInterval);
  }

  async flush(timeoutMs: number): Promise<FlushResult> {
    const before = this.stats();
    const settled = () => {
      const { accepted, waiting } = this.stats();
      return accepted - waiting >= before.accepted || !waiting;
    };
    const timedOut = await new Promise<boolean>((resolve) => {
      if (settled()) return resolve(false);
      // Not `later`: whoever waits for a flush wants the process to stay for it.
      const timer = setTimeout(() => done(true), timeoutMs);
      const done = (late: boolean) => {
        clearTimeout(timer);
        this.#waiters = this.#waiters.filter((waiter) => waiter !== check);
        resolve(late);
      };
      const check = () => settled() && done(false);
      this.#waiters.push(check);
      this.#sealAll = true;
      this.#paused = false;
      this.#pump();
    });
    const after = this.stats();
    const delivered = after.delivered - before.delivered;
    const failed = after.accepted - after.waiting - after.delivered - (before.accepted - before.waiting - before.delivered);
    return { delivered, failed, waiting: after.waiting, timedOut };
  }

  stats(): LedgerSnapshot {
    return this.ledger.snapshot(this.#queue.length + this.#outbox.records);
  }

  /**
   * The page was hidden and may never come back: rule 8.
   *
   * @param leaving - it is going away, so the socket, which would keep it out of the back/forward
   *   cache, is closed.
   */
  hide(leaving: boolean, allEnded: boolean): void {
    if (this.#stopped) return;
    while (this.#queue.length) this.#seal();
    const socket = this.#socket?.channel;
    if (socket?.ready) this.#send(socket);
    this.#post.sendLast([...this.#outbox]);
    if (!leaving) return;
    this.#paused = true;
    // A goodbye would tell the hub that nothing was lost, and an open span is.
    socket?.close(allEnded);
    this.#outbox.land(socket);
  }

  /** The page is back, or the network is. */
  show(): void {
    this.#paused = false;
    for (const route of [this.#socket, this.#posting]) if (route) route.nextTry = 0;
    this.#socket?.channel.probe();
    this.#wake(0);
  }

  /** Sends nothing more; what waits is counted. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.channel.close(true);
    this.#post.close();
    const lost = this.#queue.length + this.#outbox.records;
    this.#queue.take(Infinity, Infinity);
    this.#outbox.acknowledge(Infinity);
    if (lost) this.ledger.drop("stopped", lost);
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
    const route = this.#routeOf(channel);
    route.failures = 0;
    route.nextTry = 0;
    if (channel !== this.#post) {
      this.#outbox.land(channel);
      this.#announceAgain = true;
    }
    this.onAck(last, 0);
  }

  onAck(id: number, rejected: number): void {
    for (const batch of this.#outbox.acknowledge(id)) this.ledger.delivered += batch.n;
    this.ledger.delivered -= rejected;
    this.ledger.rejected += rejected;
    this.#pump();
  }

  onNack(id: number, why: string, retryMs: number | undefined): void {
    const batch = this.#outbox.find(id);
    if (!batch) return;
    batch.via = undefined;
    if (retryMs === undefined) {
      warnOnce(`the hub refused ${batch.n} record(s) for good: ${why}`);
      this.#outbox.remove(batch);
      this.ledger.rejected += batch.n;
      this.#notify();
    } else {
      batch.notBefore = this.now() + retryMs;
      batch.sends--; // asked to wait is not a failed attempt
      this.#wake(retryMs);
    }
  }

  onLost(channel: Channel, loss: Loss): void {
    const route = this.#routeOf(channel);
    if (loss.tooLarge) this.#refuseLargest(channel);
    this.#outbox.land(channel);
    if (loss.kind === "stop") return this.#giveUp(loss.why);
    if (loss.kind === "failed") route.failures++;
    const delay = loss.retryMs ?? backoff(Math.max(1, route.failures));
    const givenUp = route === this.#socket && this.#options.fallback && route.failures >= FAILURES_UNTIL_POST;
    route.nextTry = this.now() + (givenUp ? SOCKET_AGAIN_MS : delay);
    this.#wake(givenUp ? 0 : delay);
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
    if (this.#stopped || this.#paused) return;
    const now = this.now();
    this.#expire(now);
    const route = this.#choose(now);
    const { channel } = route;
    if (now >= route.nextTry) {
      if (!channel.ready) channel.connect();
      else {
        this.#sealDue(channel, now);
        this.#send(channel);
        this.#announceOpen(channel);
      }
    }
    if (!this.#queue.length) this.#sealAll = false;
    if (this.#queue.length || this.#outbox.size) this.#wake(Math.min(TICK_MS, this.#options.flushInterval));
    else if (!channel.ready) this.#wake(Math.max(TICK_MS, route.nextTry - now));
    this.#notify();
  }

  /** Rule 7: the socket, and POST where it fails or takes too long. */
  #choose(now: number): Route {
    const socket = this.#socket;
    if (!socket) return this.#posting;
    if (socket.channel.ready || !this.#options.fallback) return socket;
    const waited = now - Math.min(this.#oldestQueued, this.#outbox.waitingSince);
    if (socket.failures < FAILURES_UNTIL_POST && waited < WAIT_UNTIL_POST_MS) return socket;
    if (now >= socket.nextTry) socket.channel.connect();
    return this.#posting;
  }

  #sealDue(channel: Channel, now: number): void {
    const due = this.#sealAll || now - this.#oldestQueued >= this.#options.flushInterval - 1;
    const room = () => channel.room(this.#inFlight()).batches - this.#unsent();
    while (this.#queue.length && room() > 0 && (due || this.#queue.chars >= BATCH_CHARS)) this.#seal();
  }

  #seal(): void {
    const items = this.#queue.take(BATCH_RECORDS, BATCH_CHARS);
    this.#outbox.seal(items, this.ledger.takeUntold(), this.now());
    this.#oldestQueued = this.#queue.length ? this.now() : Infinity;
  }

  #send(channel: Channel): void {
    const now = this.now();
    const room = channel.room(this.#inFlight());
    const chosen: Batch[] = [];
    for (const batch of this.#outbox) {
      if (batch.via || batch.notBefore > now) continue;
      // A batch larger than the whole room goes alone: it would wait for ever.
      if (!room.batches || (batch.bytes > room.bytes && (chosen.length || room.bytes <= 0))) break;
      room.batches--;
      room.bytes -= batch.bytes;
      chosen.push(batch);
    }
    if (chosen.length) channel.send(chosen);
  }

  #announceOpen(channel: Channel): void {
    const again = this.#announceAgain;
    const open = channel.live ? this.#options.takeOpen(again) : [];
    this.#announceAgain = again && !channel.live;
    if (!open.length) return;
    channel.announce(open);
    if (channel === this.#post && channel.room(this.#inFlight()).batches) channel.send([]);
  }

  #inFlight(): { batches: number; bytes: number } {
    const total = { batches: 0, bytes: 0 };
    for (const batch of this.#outbox) {
      if (!batch.via) continue;
      total.batches++;
      total.bytes += batch.bytes;
    }
    return total;
  }

  #unsent(): number {
    let count = 0;
    for (const batch of this.#outbox) if (!batch.via) count++;
    return count;
  }

  #expire(now: number): void {
    for (const batch of this.#outbox.expire(now)) {
      this.ledger.drop("expired", batch.n);
      if (batch.dropped) this.ledger.restoreUntold(batch.dropped);
    }
  }

  #refuseLargest(channel: Channel): void {
    const sent = [...this.#outbox].filter((batch) => batch.via === channel);
    const largest = sent.sort((a, b) => b.bytes - a.bytes)[0];
    if (largest) this.onNack(largest.id, "too large", undefined);
  }

  #giveUp(why: string): void {
    warnOnce(`nothing more is sent to ${this.#options.identity.base}: ${why}.`);
    this.stop();
  }

  #routeOf(channel: Channel): Route {
    return channel === this.#post || !this.#socket ? this.#posting : this.#socket;
  }

  #notify(): void {
    for (const waiter of this.#waiters) waiter();
  }
}
