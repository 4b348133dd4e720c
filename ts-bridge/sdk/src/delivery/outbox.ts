import type { Item } from "./queue.js";

/** Rule 3 of the bridge protocol. */
const MAX_AGE_MS = 600_000;
const MAX_SENDS = 5;

/** Records under one id, which is theirs on every path until they are acknowledged. */
export interface Batch {
  readonly id: number;
  /** Number of records. */
  readonly n: number;
  /** JSON of the frame without its last brace, so that `oldest` can be added when it is sent. */
  readonly json: string;
  readonly bytes: number;
  readonly hasError: boolean;
  readonly createdAt: number;
  readonly dropped: Readonly<Record<string, number>> | undefined;
  /** The channel it is under way on. */
  via: unknown;
  sends: number;
  /** Not to be sent before this, because the hub asked so. */
  notBefore: number;
}

const encoder = new TextEncoder();

/** Bytes of *text* in UTF-8. */
export function byteLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is meant, all of it
  return /^[\0-\x7f]*$/.test(text) ? text.length : encoder.encode(text).length;
}

/** Batches that were numbered and are not acknowledged yet, by id. */
export class Outbox {
  readonly #batches = new Map<number, Batch>();
  #next = 1;

  get size(): number {
    return this.#batches.size;
  }

  get records(): number {
    let sum = 0;
    for (const batch of this.#batches.values()) sum += batch.n;
    return sum;
  }

  /** The lowest id still held, or the next one: below it nothing will come. Rule 10. */
  get oldest(): number {
    for (const id of this.#batches.keys()) return id;
    return this.#next;
  }

  /** In order of their ids. */
  [Symbol.iterator](): IterableIterator<Batch> {
    return this.#batches.values();
  }

  /** Gives *items* the next id. */
  seal(items: readonly Item[], dropped: Record<string, number> | undefined, now: number): Batch {
    const id = this.#next++;
    const json = encodeBatch(id, items, dropped);
    const batch: Batch = {
      id,
      n: items.length,
      json,
      bytes: byteLength(json) + 32, // and `,"oldest":…}`
      hasError: items.some((item) => item.severity >= 17),
      createdAt: now,
      dropped,
      via: undefined,
      sends: 0,
      notBefore: 0,
    };
    this.#batches.set(id, batch);
    return batch;
  }

  /** Forgets everything up to and including *id*; returns what that was. */
  acknowledge(id: number): Batch[] {
    const taken = [...this.#batches.values()].filter((batch) => batch.id <= id);
    for (const batch of taken) this.#batches.delete(batch.id);
    return taken;
  }

  find(id: number | undefined): Batch | undefined {
    return this.#batches.get(id as number);
  }

  remove(batch: Batch): void {
    this.#batches.delete(batch.id);
  }

  /** When the oldest batch was sealed; `Infinity` without one. */
  get waitingSince(): number {
    for (const { createdAt } of this) return createdAt;
    return Infinity;
  }

  /** The channel is gone: nothing is under way on it any more. */
  land(channel: unknown): void {
    for (const batch of this) if (batch.via === channel) batch.via = undefined;
  }

  /** Forgets what is too old or was sent too often; returns what that was. */
  expire(now: number): Batch[] {
    const expired = [...this].filter(
      (batch) =>
        now - batch.createdAt > MAX_AGE_MS || (batch.sends >= MAX_SENDS && !batch.via),
    );
    for (const batch of expired) this.remove(batch);
    return expired;
  }
}

/** The `batch` frame of these records, grouped by scope, without its last brace. */
function encodeBatch(id: number, items: readonly Item[], dropped?: Record<string, number>): string {
  const spans = groups(items, "spans", "spans");
  const logs = groups(items, "logs", "logRecords");
  return (
    `{"k":"batch","id":${id},"n":${items.length}` +
    (spans && `,"spans":[${spans}]`) +
    (logs && `,"logs":[${logs}]`) +
    (dropped ? `,"dropped":${JSON.stringify(dropped)}` : "")
  );
}

function groups(items: readonly Item[], signal: Item["signal"], list: string): string {
  const byScope = new Map<string, string[]>();
  for (const item of items) {
    if (item.signal !== signal) continue;
    const group = byScope.get(item.scope);
    if (group) group.push(item.json);
    else byScope.set(item.scope, [item.json]);
  }
  return [...byScope].map(([scope, json]) => `{"scope":${scope},"${list}":[${json}]}`).join();
}
