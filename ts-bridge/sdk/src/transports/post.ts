import type { Batch } from "../delivery/outbox.js";
import { originalOf } from "../instrument/patch.js";
import { readFrame } from "../wire/frames.js";
import { type Channel, type ChannelEvents, type Identity, introduction } from "./channel.js";

/** Browsers refuse more than 64 KiB under way with `keepalive`, for all requests together. */
const KEEPALIVE_BUDGET = 60_000;
/** What an empty request has, at most; a resource has a user agent and a few names. */
const OVERHEAD = 4_000;
const TIMEOUT_MS = 10_000;

/** The bridge over `POST`: one request at a time, and those that outlive the page. */
export class PostChannel implements Channel {
  readonly ready = true;
  live = false;
  readonly #identity: Identity;
  readonly #events: ChannelEvents;
  readonly #fetch = originalOf(globalThis.fetch);
  #busy = false;
  /** One batch at a time, to find the one that the hub cannot take. */
  #single = false;
  #keptAlive = 0;
  #open: readonly string[] = [];

  constructor(identity: Identity, events: ChannelEvents) {
    this.#identity = identity;
    this.#events = events;
  }

  get window(): number {
    return this.#busy ? 0 : this.#single ? 1 : 8;
  }

  connect(): void {}

  probe(): void {}

  close(): void {}

  announce(spans: readonly string[]): void {
    this.#open = spans;
  }

  send(batches: readonly Batch[]): void {
    this.#busy = true;
    for (const batch of batches) batch.via = this;
    void this.#post(batches, 0);
  }

  /**
   * Sends what fits in requests that the browser finishes after the page is gone, errors first.
   *
   * The same batches may be under way elsewhere: the hub takes each id once.
   */
  sendLast(batches: readonly Batch[]): void {
    let size = OVERHEAD;
    const fitting = [...batches]
      .sort((a, b) => Number(b.hasError) - Number(a.hasError))
      .filter(({ bytes }) => {
        const fits = this.#keptAlive + size + bytes <= KEEPALIVE_BUDGET;
        if (fits) size += bytes;
        return fits;
      });
    if (fitting.length) void this.#post(fitting, size);
  }

  /** *keepalive*: bytes that count against the budget; 0 for an ordinary request. */
  async #post(batches: readonly Batch[], keepalive: number): Promise<void> {
    const events = this.#events;
    const { base, token } = this.#identity;
    const open = this.#open;
    this.#open = [];
    this.#keptAlive += keepalive;
    try {
      // Without a token nothing is awaited: a page that goes away has no second moment.
      const proof = token && (await token());
      const response = await this.#fetch.call(globalThis, `${base}/v1/bridge`, {
        method: "POST",
        // Text without a type is text/plain, which needs no preflight as application/json does.
        body:
          `{${introduction(this.#identity, events, proof)},"open":[${open}]` +
          `,"batches":[${batches.map(({ json }) => `${json}}`)}]}`,
        ...(keepalive ? { keepalive: true } : { signal: AbortSignal.timeout(TIMEOUT_MS) }),
      });
      // Read to its end, or the browser goes on counting it against the keepalive budget.
      const text = await response.text();
      if (!keepalive) this.#busy = false;
      this.#settle(batches, response, text);
    } catch (error) {
      if (!keepalive) this.#busy = false;
      events.onLost(this, `${error}`);
    }
    this.#keptAlive -= keepalive;
  }

  #settle(batches: readonly Batch[], { status, headers }: Response, text: string): void {
    const events = this.#events;
    const frame = readFrame(text);
    const why = `HTTP ${status} ${text.slice(0, 300)}`;
    const refused = status === 400 || status === 413;
    const seconds = Number(headers.get("retry-after")) || undefined;
    // Asked to wait is not an attempt; anything else is, and rule 3 counts it.
    if (!seconds) for (const batch of batches) batch.sends++;
    if (status === 200 && frame?.k === "ack") {
      const id = frame.id ?? 0;
      this.#single = false;
      this.live = frame.live === true;
      events.onAck(id, frame.rejected);
      // A hub that takes less than it is sent is not asked again at once.
      if (batches.every((batch) => batch.id <= id)) events.onReady(this, id);
      else events.onLost(this, why);
    } else if (refused && batches.length === 1) {
      events.onNack((batches[0] as Batch).id, why);
      events.onReady(this, 0);
    } else if (refused) {
      this.#single = true;
      events.onLost(this, why, 0);
    } else {
      const never = status === 401 || status === 403;
      events.onLost(this, why, never ? Infinity : seconds && seconds * 1_000);
    }
  }
}
