/** One encoded record. */
export interface Item {
  signal: "spans" | "logs";
  /** JSON of its instrumentation scope. */
  scope: string;
  /** OTLP/JSON of the record. */
  json: string;
  /** Severity number; a span counts as INFO, a failed one as ERROR. */
  severity: number;
}

/** Rule 4 of the bridge protocol. */
export const MAX_RECORDS = 2_048;
export const MAX_CHARS = 4 * 1_048_576;

const WARN = 13;
const ERROR = 17;

/** First in, first out; removing the first costs the same however many there are. */
class Lane {
  chars = 0;
  #items: Item[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: Item): void {
    this.#items.push(item);
    this.chars += item.json.length;
  }

  peek(): Item | undefined {
    return this.#items[this.#head];
  }

  shift(): Item {
    const item = this.#items[this.#head++] as Item;
    this.chars -= item.json.length;
    if (this.#head > 512) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

/**
 * Records that wait to be put into a batch.
 *
 * Bounded. When it is full, debug and info leave first, errors last, and of their kind the oldest.
 */
export class RecordQueue {
  /** Most important last. */
  readonly #lanes = [new Lane(), new Lane(), new Lane()] as const;

  get length(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.length, 0);
  }

  get chars(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.chars, 0);
  }

  /** Takes *item*; returns how many records, maybe itself, had to leave for it. */
  put(item: Item): number {
    const rank = item.signal === "logs" && item.severity < WARN ? 0 : item.severity < ERROR ? 1 : 2;
    let evicted = 0;
    while (this.length >= MAX_RECORDS || this.chars + item.json.length > MAX_CHARS) {
      const victim = this.#lanes.find((lane, at) => at <= rank && lane.length);
      evicted++;
      if (!victim) return evicted;
      victim.shift();
    }
    this.#lanes[rank].push(item);
    return evicted;
  }

  /** Takes the most important and oldest, up to these limits; at least one if there is any. */
  take(maxRecords: number, maxChars: number): Item[] {
    const taken: Item[] = [];
    let chars = 0;
    for (const lane of [...this.#lanes].reverse()) {
      for (let next = lane.peek(); next; next = lane.peek()) {
        chars += next.json.length;
        if (taken.length && (taken.length >= maxRecords || chars > maxChars)) return taken;
        taken.push(lane.shift());
      }
    }
    return taken;
  }
}
