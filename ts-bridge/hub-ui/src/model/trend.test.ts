import { describe, expect, it } from "vitest";
import { trend } from "./trend.ts";

const minute = (at: number, count: number, error_count = 0) => ({
  time_unix_nano: `${at * 60}000000000`,
  count,
  error_count,
  p50_nano: 1,
  p95_nano: 1,
  p99_nano: 1,
});

describe("a trend", () => {
  it("has a column a minute where there is room", () => {
    const columns = trend([minute(10, 3), minute(12, 4, 1)], [600, 720], 40);
    expect(columns).toEqual([
      { count: 3, errors: 0 },
      { count: 0, errors: 0 },
      { count: 4, errors: 1 },
    ]);
  });

  it("gathers minutes where there is not, and loses none", () => {
    const series = Array.from({ length: 100 }, (_, at) => minute(at, 1, at % 2));
    const columns = trend(series, [0, 99 * 60], 40);
    expect(columns.length).toBeLessThanOrEqual(40);
    expect(columns.reduce((sum, { count }) => sum + count, 0)).toBe(100);
    expect(columns.reduce((sum, { errors }) => sum + errors, 0)).toBe(50);
  });

  it("of nothing is empty", () => {
    expect(trend([], [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], 40)).toEqual([]);
  });
});
