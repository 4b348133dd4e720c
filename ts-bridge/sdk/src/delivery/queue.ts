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

/** Records that wait to be put into a batch. */
export interface RecordQueue {
  length: number;
  _chars: number;
  /** Takes *item*; returns how many records, maybe itself, had to leave for it. */
  _put(item: Item): number;
  /** Takes the most important and oldest, up to these limits; at least one if there is any. */
  _take(maxRecords: number, maxChars: number): Item[];
}

/** Bounded. When it is full, debug and info leave first, errors last, and of their kind the oldest. */
export function recordQueue(): RecordQueue {
  /** Most important first: errors; spans and warnings; debug and info. */
  const lanes: Item[][] = [[], [], []];
  const count = (item: Item, sign: number) => {
    queue.length += sign;
    queue._chars += sign * item.json.length;
  };
  const shift = (lane: Item[]) => {
    const item = lane.shift() as Item;
    count(item, -1);
    return item;
  };
  const queue: RecordQueue = {
    length: 0,
    _chars: 0,
    _put(item) {
      const { severity, signal, json } = item;
      const rank = severity >= ERROR ? 0 : severity >= WARN || signal === "span" ? 1 : 2;
      let evicted = 0;
      while (queue.length >= MAX_RECORDS || queue._chars + json.length > MAX_CHARS) {
        const lane = lanes.filter(({ length }, at) => length && at >= rank).at(-1);
        evicted++;
        if (!lane) return evicted;
        shift(lane);
      }
      lanes[rank]?.push(item);
      count(item, 1);
      return evicted;
    },
    _take(maxRecords, maxChars) {
      const taken: Item[] = [];
      for (const lane of lanes) {
        while (lane[0] && taken.length < maxRecords) {
          maxChars -= lane[0].json.length;
          if (maxChars < 0 && taken.length) return taken;
          taken.push(shift(lane));
        }
      }
      return taken;
    },
  };
  return queue;
}
