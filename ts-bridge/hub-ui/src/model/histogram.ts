/** Log lines counted by time and level. */

import type { Log } from "../api.ts";
import { type Level, levelOf } from "./severity.ts";
import { toMillis } from "./time.ts";

/** Levels drawn apart; the quiet ones are one. */
export type Loudness = "quiet" | "warn" | "error";

export interface Bucket {
  /** Unix milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly counts: Record<Loudness, number>;
}

export interface Histogram {
  readonly buckets: Bucket[];
  /** Lines in the fullest bucket. */
  readonly most: number;
}

const LOUDNESS: Record<Level, Loudness> = {
  trace: "quiet",
  debug: "quiet",
  info: "quiet",
  warn: "warn",
  error: "error",
  fatal: "error",
};

export function histogram(logs: readonly Log[], wanted: number): Histogram {
  const times = logs.map((log) => toMillis(log.time_unix_nano)).filter((time) => time > 0);
  if (times.length === 0) return { buckets: [], most: 0 };
  let [first, last] = [times[0] as number, times[0] as number];
  for (const time of times) {
    first = Math.min(first, time);
    last = Math.max(last, time);
  }
  const width = Math.max(1, (last - first) / wanted);
  const buckets: Bucket[] = Array.from({ length: wanted }, (_, index) => ({
    from: first + index * width,
    to: first + (index + 1) * width,
    counts: { quiet: 0, warn: 0, error: 0 },
  }));
  let most = 0;
  for (const log of logs) {
    const index = Math.floor((toMillis(log.time_unix_nano) - first) / width);
    const bucket = buckets[Math.min(wanted - 1, Math.max(0, index))] as Bucket;
    const { counts } = bucket;
    counts[LOUDNESS[levelOf(log.severity_number)]] += 1;
    most = Math.max(most, counts.quiet + counts.warn + counts.error);
  }
  return { buckets, most };
}
