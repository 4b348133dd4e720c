import type { Counts } from "./ledger.js";
import { ERROR, type Item } from "./queue.js";

/** Rule 3 of the bridge protocol. */
const MAX_AGE_MS = 600_000;
const MAX_SENDS = 5;

/** Records under one id, which is theirs on every path until they are acknowledged. */
export interface Batch {
  readonly _id: number;
  /** Number of records. */
  readonly _n: number;
  /** JSON of the frame without its last brace, so that `oldest` can be added when it is sent. */
  readonly _json: string;
  readonly _bytes: number;
  readonly _hasError: boolean;
  readonly _sealedAt: number;
  /** What the client had let go before; told again if this batch is let go too. */
  readonly _dropped: Counts;
  /** The channel it is under way on. */
  _via?: unknown;
  _sends: number;
  /** Not to be sent before this, because the hub asked so. */
  _notBefore: number;
}

const encoder = new TextEncoder();

/** Batches that were numbered and are not acknowledged yet, in order of their ids. */
export interface Outbox {
  _batches: readonly Batch[];
  /** The lowest id still held, or the next one: below it nothing will come. Rule 10. */
  _oldest(): number;
  /** Number of records in all of them. */
  _records(): number;
  /** Gives *items* the next id. */
  _seal(items: readonly Item[], dropped: Counts, now: number): Batch;
  /** Forgets the batches for which *test* holds, and returns them. */
  _remove(test: (batch: Batch) => boolean): Batch[];
  /** Forgets what is too old or was sent too often, and returns it. */
  _expire(now: number): Batch[];
  /** *channel* is gone: nothing is under way on it any more. */
  _land(channel: unknown): void;
}

export function makeOutbox(): Outbox {
  let next = 1;
  const outbox: Outbox = {
    _batches: [],
    _oldest: () => outbox._batches[0]?._id ?? next,
    _records: () => outbox._batches.reduce((sum, { _n }) => sum + _n, 0),
    _seal(items, dropped, now) {
      const counts = JSON.stringify(dropped);
      const json =
        `{"k":"batch","id":${next},"n":${items.length}` +
        byScope(items, "span", "spans") +
        byScope(items, "log", "logRecords") +
        (counts === "{}" ? "" : `,"dropped":${counts}`);
      const batch: Batch = {
        _id: next++,
        _n: items.length,
        _json: json,
        _bytes: encoder.encode(json).length + 32, // and `,"oldest":…}`
        _hasError: items.some(({ severity }) => severity >= ERROR),
        _sealedAt: now,
        _dropped: dropped,
        _sends: 0,
        _notBefore: 0,
      };
      outbox._batches = [...outbox._batches, batch];
      return batch;
    },
    _remove(test) {
      const removed = outbox._batches.filter(test);
      outbox._batches = outbox._batches.filter((batch) => !removed.includes(batch));
      return removed;
    },
    _expire: (now) =>
      outbox._remove(
        ({ _sealedAt, _sends, _via }) =>
          now - _sealedAt > MAX_AGE_MS || (_sends >= MAX_SENDS && !_via),
      ),
    _land(channel) {
      for (const batch of outbox._batches) if (batch._via === channel) batch._via = undefined;
    },
  };
  return outbox;
}

function byScope(items: readonly Item[], signal: Item["signal"], list: string): string {
  const groups = new Map<string, string[]>();
  for (const item of items) {
    if (item.signal !== signal) continue;
    const { scope, json } = item;
    const group = groups.get(scope);
    if (group) group.push(json);
    else groups.set(scope, [json]);
  }
  const json = [...groups].map(([scope, records]) => `{"scope":${scope},"${list}":[${records}]}`);
  return json.length ? `,"${signal}s":[${json}]` : "";
}
