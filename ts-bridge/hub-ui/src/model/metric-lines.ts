/**
 * Data points as lines to draw.
 *
 * What a point means depends on its type: a gauge is a value, a counter only says something by what
 * it grew, a histogram by how often and how long. Each way to look at them is a {@link Measure}.
 */

import type { MetricPoint, MetricSeries, MetricType } from "../api-metrics.ts";

export type Measure = "value" | "rate" | "average" | "p95";

export interface LinePoint {
  /** Unix seconds, with a fraction. */
  readonly at: number;
  readonly value: number;
}

/** The ways in which series of this type can be looked at, the usual one first. */
export function measuresOf(type: MetricType, monotonic: boolean): readonly Measure[] {
  if (type === "gauge" || (type === "sum" && !monotonic)) return ["value"];
  if (type === "sum") return ["rate", "value"];
  if (type === "histogram") return ["p95", "average", "rate"];
  return type === "summary" ? ["average"] : ["average", "rate"];
}

export function lineOf(series: MetricSeries, measure: Measure): LinePoint[] {
  const line: LinePoint[] = [];
  series.points.forEach((point, index) => {
    const value = read(point, series.points[index - 1], series, measure);
    if (value !== null && Number.isFinite(value)) line.push({ at: seconds(point), value });
  });
  return line;
}

function read(
  point: MetricPoint,
  before: MetricPoint | undefined,
  series: MetricSeries,
  measure: Measure,
): number | null {
  switch (measure) {
    case "value":
      return typeof point.value === "number" ? point.value : null;
    case "rate":
      return rate(point, before);
    case "average":
      return average(point, before, series);
    case "p95":
      return quantile(grown(point, before, series), point.bounds ?? [], 0.95);
  }
}

/** Per second, since the point before or, where there is none, since counting began. */
function rate(point: MetricPoint, before: MetricPoint | undefined): number | null {
  if (point.increase === null) return null;
  const since = before ? seconds(before) : startOf(point);
  const length = seconds(point) - since;
  return length > 0 ? point.increase / length : null;
}

function average(
  point: MetricPoint,
  before: MetricPoint | undefined,
  series: MetricSeries,
): number | null {
  if (typeof point.sum !== "number" || !point.count) return null;
  const whole = point.sum / point.count;
  // A summary has no temporality, and tells of its whole life.
  if (series.temporality !== "cumulative" || typeof before?.sum !== "number") return whole;
  const count = point.count - (before.count ?? 0);
  if (count < 0) return whole; // Its process began anew.
  return count > 0 ? (point.sum - before.sum) / count : null;
}

/** How much each bucket grew since the point before. */
function grown(
  point: MetricPoint,
  before: MetricPoint | undefined,
  series: MetricSeries,
): readonly number[] {
  const counts = point.counts ?? [];
  const earlier = before?.counts;
  const goesOn =
    series.temporality === "cumulative" &&
    earlier?.length === counts.length &&
    counts.every((count, index) => count >= (earlier[index] ?? 0));
  return goesOn ? counts.map((count, index) => count - (earlier[index] ?? 0)) : counts;
}

/**
 * The value that a share of what was counted is below, by a straight line through its bucket.
 * In the last bucket, which has no end, its beginning.
 */
export function quantile(
  counts: readonly number[],
  bounds: readonly number[],
  share: number,
): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0 || bounds.length === 0) return null;
  let below = 0;
  for (const [index, count] of counts.entries()) {
    if (count > 0 && below + count >= share * total) {
      const end = bounds[index];
      const begin = bounds[index - 1] ?? Math.min(0, end ?? 0);
      if (end === undefined) return begin;
      return begin + ((share * total - below) / count) * (end - begin);
    }
    below += count;
  }
  return bounds.at(-1) ?? null;
}

function seconds({ time_unix_nano }: { time_unix_nano: string }): number {
  return Number(BigInt(time_unix_nano) / 1_000_000n) / 1000;
}

function startOf(point: MetricPoint): number {
  const start = point.start_time_unix_nano;
  return start === null ? Number.NaN : seconds({ time_unix_nano: start });
}

/** A number with its unit: bytes and seconds in fitting sizes, everything else as it is. */
export function formatMeasure(value: number, unit: string): string {
  const suffix = unit.endsWith("/s") ? "/s" : "";
  const base = suffix ? unit.slice(0, -2) : unit;
  if (base === "By") return `${scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"])}${suffix}`;
  if (base === "s" && !suffix) {
    const size = Math.abs(value);
    if (size === 0 || size >= 1) return `${digits(value)} s`;
    return size >= 0.001 ? `${digits(value * 1e3)} ms` : `${digits(value * 1e6)} µs`;
  }
  const word = base === "1" ? "" : base.replace(/[{}]/g, "");
  const number = scaled(value, 1000, ["", "k", "M", "G", "T"]).replace(" ", "");
  return `${number}${word && ` ${word}`}${suffix}`;
}

function scaled(value: number, step: number, names: readonly string[]): string {
  let [left, power] = [value, 0];
  while (Math.abs(left) >= step && power < names.length - 1) {
    left /= step;
    power += 1;
  }
  return `${digits(left)} ${names[power]}`.trimEnd();
}

function digits(value: number): string {
  const size = Math.abs(value);
  const text = value.toFixed(size >= 99.95 || Number.isInteger(value) ? 0 : size >= 9.995 ? 1 : 2);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
