import type { Batch } from "../delivery/outbox.js";
import { byteLength } from "../delivery/outbox.js";
import { originalOf } from "../instrument/patch.js";
import { SDK_NAME, VERSION } from "../version.js";
import { readFrame } from "../wire/frames.js";
import type { Channel, ChannelEvents, Identity, Loss } from "./channel.js";

/** Of the 1 MiB that the bridge takes by POST. */
const MAX_BODY = 262_144;
/** Browsers refuse more than 64 KiB under way with `keepalive`, for all requests together. */
const KEEPALIVE_BUDGET = 60_000;
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
  #closed = false;
  #keptAlive = 0;
  #open: readonly string[] = [];

  constructor(identity: Identity, events: ChannelEvents) {
    this.#identity = identity;
    this.#events = events;
  }

  connect(): void {}

  probe(): void {}

  room(): { batches: number; bytes: number } {
    return this.#busy ? { batches: 0, bytes: 0 } : { batches: this.#single ? 1 : 8, bytes: MAX_BODY };
  }

  announce(spans: readonly string[]): void {
    this.#open = spans;
  }

  send(batches: readonly Batch[]): void {
    this.#busy = true;
    for (const batch of batches) batch.via = this;
    void this.#post(batches, false);
  }

  /**
   * Sends what fits in requests that the browser finishes after the page is gone, errors first.
   *
   * The same batches may be under way elsewhere: the hub takes each id once.
   */
  sendLast(batches: readonly Batch[]): void {
    const ordered = [...batches].sort((a, b) => Number(b.hasError) - Number(a.hasError));
    const fitting: Batch[] = [];
    let room = KEEPALIVE_BUDGET - this.#keptAlive - byteLength(this.#body([], undefined));
    for (const batch of ordered) {
      if (batch.bytes > room) continue;
      room -= batch.bytes;
      fitting.push(batch);
    }
    if (fitting.length) void this.#post(fitting, true);
  }

  close(): void {
    this.#closed = true;
  }

  #body(batches: readonly Batch[], token: string | undefined): string {
    const { stream, resource } = this.#identity;
    const open = this.#open;
    this.#open = [];
    return (
      `{"v":1,"stream":"${stream}","resource":${resource}` +
      `,"sdk":{"name":"${SDK_NAME}","version":"${VERSION}"}` +
      `,"clock":${this.#events.now()},"oldest":${this.#events.oldest()}` +
      (token ? `,"token":${JSON.stringify(token)}` : "") +
      (open.length ? `,"open":[${open}]` : "") +
      `,"batches":[${batches.map((batch) => `${batch.json}}`)}]}`
    );
  }

  async #post(batches: readonly Batch[], keepalive: boolean): Promise<void> {
    let size = 0;
    try {
      const { token } = this.#identity;
      // A page that goes away has no time to ask for a token: a plain one is taken as it is.
      const body = this.#body(batches, token && ((await token()) as string));
      size = keepalive ? byteLength(body) : 0;
      this.#keptAlive += size;
      const response = await this.#fetch.call(globalThis, `${this.#identity.base}/v1/bridge`, {
        method: "POST",
        // Not application/json: that would need a preflight, which a page that goes away cannot wait for.
        headers: { "content-type": "text/plain;charset=UTF-8" },
        body,
        keepalive,
        credentials: "same-origin",
        ...(!keepalive && { signal: AbortSignal.timeout(TIMEOUT_MS) }),
      });
      // Read to its end, or the browser goes on counting it against the keepalive budget.
      const text = await response.text();
      if (!keepalive) this.#busy = false;
      if (!this.#closed) this.#settle(batches, response, text);
    } catch (error) {
      if (!keepalive) this.#busy = false;
      if (!this.#closed) this.#events.onLost(this, { kind: "failed", why: String(error) });
    } finally {
      this.#keptAlive -= size;
    }
  }

  #settle(batches: readonly Batch[], { status, headers }: Response, text: string): void {
    const frame = readFrame(text);
    if (status === 200 && frame?.k === "ack") {
      this.live = frame.live === true;
      this.#single = false;
      this.#events.onAck(frame.id ?? 0, frame.rejected ?? 0);
      this.#events.onReady(this, 0);
    } else if ((status === 400 || status === 413) && batches.length === 1) {
      this.#events.onNack((batches[0] as Batch).id, `HTTP ${status}`, undefined);
      this.#events.onReady(this, 0);
    } else if (status === 400 || status === 413) {
      this.#single = true;
      this.#events.onLost(this, { kind: "told", why: `HTTP ${status}`, retryMs: 0 });
    } else {
      // Asked to wait is not refused; anything else is, and rule 3 counts it.
      for (const batch of batches) if (status !== 429 && status !== 503) batch.sends++;
      this.#events.onLost(this, loss(status, headers.get("retry-after")));
    }
  }
}

function loss(status: number, retryAfter: string | null): Loss {
  const why = `the hub answered ${status}`;
  if (status === 401) return { kind: "stop", why: "it does not accept the token" };
  if (status === 403) {
    return { kind: "stop", why: "it does not take data from this origin. Add the origin to its allow-list" };
  }
  const seconds = Number(retryAfter);
  if (seconds > 0) return { kind: "told", why, retryMs: seconds * 1_000 };
  return { kind: "failed", why };
}
