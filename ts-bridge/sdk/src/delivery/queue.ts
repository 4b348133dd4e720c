/** One encoded record. */
export interface Item {
  signal: "span" | "log";
  /** JSON of its instrumentation scope. */
  scope: string;
  /** OTLP/JSON of the record. */
  json: string;
  /** Severity number; a span counts as INFO, a failed one as ERROR. */
  severity: number;
}

/** Rule 4 of the bridge protocol. */
const MAX_RECORDS = 2_048;
const MAX_CHARS = 4 * 1_048_576;

const WARN = 13;
export const ERROR = 17;

/**
 * Records that wait to be put into a batch.
 *
 * Bounded. When it is full, debug and info leave first, errors last, and of their kind the oldest.
 */
export class RecordQueue {
  length = 0;
  chars = 0;
  /** Most important first: errors; spans and warnings; debug and info. */
  readonly #lanes: Item[][] = [[], [], []];

  /** Takes *item*; returns how many records, maybe itself, had to leave for it. */
  put(item: Item): number {
    const rank =
      item.severity >= ERROR ? 0 : item.severity >= WARN || item.signal === "span" ? 1 : 2;
    let evicted = 0;
    while (this.length >= MAX_RECORDS || this.chars + item.json.length > MAX_CHARS) {
      const lane = this.#lanes.filter(({ length }, at) => length && at >= rank).at(-1);
      evicted++;
      if (!lane) return evicted;
      this.#shift(lane);
    }
    this.#lanes[rank]?.push(item);
    this.length++;
    this.chars += item.json.length;
    return evicted;
  }

  /** Takes the most important and oldest, up to these limits; at least one if there is any. */
  take(maxRecords: number, maxChars: number): Item[] {
    const taken: Item[] = [];
    for (const lane of this.#lanes) {
      while (lane[0] && taken.length < maxRecords) {
        maxChars -= lane[0].json.length;
        if (maxChars < 0 && taken.length) return taken;
        taken.push(this.#shift(lane));
      }
    }
    return taken;
  }

  #shift(lane: Item[]): Item {
    const item = lane.shift() as Item;
    this.length--;
    this.chars -= item.json.length;
    return item;
  }
}
