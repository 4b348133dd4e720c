import { describe, expect, it } from "vitest";
import type { MetricPoint, MetricSeries } from "../api-metrics.ts";
import { formatMeasure, lineOf, measuresOf, quantile } from "./metric-lines.ts";

const point = (at: number, more: Partial<MetricPoint>): MetricPoint => ({
  time_unix_nano: `${at}000000000`,
  start_time_unix_nano: "0",
  increase: null,
  ...more,
});

const series = (points: MetricPoint[], more: Partial<MetricSeries> = {}): MetricSeries => ({
  id: "s",
  service: "shop",
  resource: {},
  scope: { name: "", version: "" },
  type: "histogram",
  unit: "s",
  temporality: "cumulative",
  monotonic: true,
  attributes: {},
  points,
  truncated: false,
  ...more,
});

describe("lines of metrics", () => {
  it("show a gauge as it is, and leave out what is no number", () => {
    const gauge = series([point(1, { value: 5 }), point(2, { value: "NaN" })], { type: "gauge" });
    expect(lineOf(gauge, "value")).toEqual([{ at: 1, value: 5 }]);
  });

  it("show a counter by what it grew in a second", () => {
    const sum = series([point(10, { value: 90 }), point(20, { value: 120, increase: 30 })]);
    expect(lineOf(sum, "rate")).toEqual([{ at: 20, value: 3 }]);
  });

  it("take the average and the quantile of what came since the point before", () => {
    const histogram = series([
      point(10, { count: 100, sum: 1000, counts: [100, 0, 0], bounds: [1, 2] }),
      point(20, { count: 110, sum: 1015, counts: [100, 10, 0], bounds: [1, 2] }),
    ]);
    expect(lineOf(histogram, "average")[1]).toEqual({ at: 20, value: 1.5 });
    expect(lineOf(histogram, "p95")[1]?.value).toBeCloseTo(1.95);
  });

  it("begin anew where a process did", () => {
    const histogram = series([
      point(10, { count: 100, sum: 1000, counts: [0, 100], bounds: [1] }),
      point(20, { count: 4, sum: 2, counts: [4, 0], bounds: [1] }),
    ]);
    expect(lineOf(histogram, "average")[1]?.value).toBe(0.5);
    expect(lineOf(histogram, "p95")[1]?.value).toBeCloseTo(0.95);
  });

  it("have a way to look at every type", () => {
    expect(measuresOf("sum", true)[0]).toBe("rate");
    expect(measuresOf("sum", false)).toEqual(["value"]);
    expect(measuresOf("histogram", false)[0]).toBe("p95");
    expect(measuresOf("exponential_histogram", false)[0]).toBe("average");
  });
});

describe("a quantile of buckets", () => {
  it("is where the last bucket begins, where it lies in that", () => {
    expect(quantile([0, 0, 5], [1, 2], 0.95)).toBe(2);
  });

  it("of nothing is not known", () => {
    expect(quantile([0, 0], [1], 0.95)).toBeNull();
    expect(quantile([5], [], 0.95)).toBeNull();
  });
});

describe("numbers with units", () => {
  it("are told in fitting sizes", () => {
    expect(formatMeasure(94_371_840, "By")).toBe("90 MiB");
    expect(formatMeasure(0.0421, "s")).toBe("42.1 ms");
    expect(formatMeasure(1.5, "s")).toBe("1.5 s");
    expect(formatMeasure(1520, "{request}")).toBe("1.52k request");
    expect(formatMeasure(0.5, "{request}/s")).toBe("0.5 request/s");
    expect(formatMeasure(12, "1")).toBe("12");
    expect(formatMeasure(0, "s")).toBe("0 s");
  });
});
