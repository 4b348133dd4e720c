import type { Counts } from "./ledger.js";
import { ERROR, type Item } from "./queue.js";

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
  readonly sealedAt: number;
  /** What the client had let go before; told again if this batch is let go too. */
  readonly dropped: Counts;
  /** The channel it is under way on. */
  via?: unknown;
  sends: number;
  /** Not to be sent before this, because the hub asked so. */
  notBefore: number;
}

const encoder = new TextEncoder();

/** Bytes of *text* in UTF-8. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** Batches that were numbered and are not acknowledged yet, in order of their ids. */
export class Outbox {
  batches: readonly Batch[] = [];
  #next = 1;

  get records(): number {
    return this.batches.reduce((sum, { n }) => sum + n, 0);
  }

  /** The lowest id still held, or the next one: below it nothing will come. Rule 10. */
  get oldest(): number {
    return this.batches[0]?.id ?? this.#next;
  }

  /** Gives *items* the next id. */
  seal(items: readonly Item[], dropped: Counts, now: number): Batch {
    const id = this.#next++;
    const counts = JSON.stringify(dropped);
    const json =
      `{"k":"batch","id":${id},"n":${items.length}` +
      byScope(items, "span", "spans", "spans") +
      byScope(items, "log", "logs", "logRecords") +
      (counts === "{}" ? "" : `,"dropped":${counts}`);
    const batch: Batch = {
      id,
      n: items.length,
      json,
      bytes: byteLength(json) + 32, // and `,"oldest":…}`
      hasError: items.some(({ severity }) => severity >= ERROR),
      sealedAt: now,
      dropped,
      sends: 0,
      notBefore: 0,
    };
    this.batches = [...this.batches, batch];
    return batch;
  }

  /** Forgets the batches for which *test* holds, and returns them. */
  remove(test: (batch: Batch) => boolean): Batch[] {
    const removed = this.batches.filter(test);
    if (removed.length) this.batches = this.batches.filter((batch) => !removed.includes(batch));
    return removed;
  }

  /** Forgets what is too old or was sent too often, and returns it. */
  expire(now: number): Batch[] {
    return this.remove(
      ({ sealedAt, sends, via }) => now - sealedAt > MAX_AGE_MS || (sends >= MAX_SENDS && !via),
    );
  }

  /** *channel* is gone: nothing is under way on it any more. */
  land(channel: unknown): void {
    for (const batch of this.batches) if (batch.via === channel) batch.via = undefined;
  }
}

function byScope(
  items: readonly Item[],
  signal: Item["signal"],
  field: string,
  list: string,
): string {
  const groups = new Map<string, string[]>();
  for (const { scope, json, signal: its } of items) {
    if (its !== signal) continue;
    const group = groups.get(scope);
    if (group) group.push(json);
    else groups.set(scope, [json]);
  }
  const json = [...groups].map(([scope, records]) => `{"scope":${scope},"${list}":[${records}]}`);
  return json.length ? `,"${field}":[${json}]` : "";
}
