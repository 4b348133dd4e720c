import { describe, expect, it } from "vitest";
import { time } from "./fixtures.ts";
import {
  compareTime,
  formatAgo,
  formatDuration,
  formatTick,
  growingExtent,
  isDuration,
  offsetNano,
  ticks,
  toMillis,
} from "./time.ts";

describe("durations", () => {
  it.each([
    [0, "0 ns"],
    [812, "812 ns"],
    [12_400, "12.4 µs"],
    [999_600, "1.00 ms"],
    [3_210_000, "3.21 ms"],
    [812_000_000, "812 ms"],
    [999_600_000, "1.00 s"],
    [1_240_000_000, "1.24 s"],
    [59_970_000_000, "1 m 00 s"],
    [125_000_000_000, "2 m 05 s"],
    [3_720_000_000_000, "1 h 02 m"],
    [-5_000_000, "−5.00 ms"],
  ])("%d nanoseconds read %s", (nanos, text) => {
    expect(formatDuration(nanos)).toBe(text);
  });

  it("are taken as the API takes them", () => {
    expect(["250ms", "1.5s", "2m", "300", " 10 ms "].every(isDuration)).toBe(true);
    expect(["", "fast", "10 years", "-1s", "1,5s"].some(isDuration)).toBe(false);
  });
});

describe("times", () => {
  it("are compared and subtracted without losing nanoseconds", () => {
    expect(offsetNano(time(1), time(0))).toBe(1);
    expect(compareTime(time(0), time(1))).toBeLessThan(0);
    expect(compareTime("9", "10")).toBeLessThan(0);
    expect(compareTime("5", "5")).toBe(0);
  });

  it("become milliseconds with a fraction", () => {
    expect(toMillis("1763635830123456789")).toBeCloseTo(1_763_635_830_123.456, 3);
  });

  it("lie so long ago in words", () => {
    const now = 1_000_000_000;
    expect(formatAgo(now - 500, now)).toBe("just now");
    expect(formatAgo(now - 12_000, now)).toBe("12 s ago");
    expect(formatAgo(now - 5 * 60_000, now)).toBe("5 min ago");
    expect(formatAgo(now + 60_000, now)).toBe("just now");
  });
});

describe("an axis", () => {
  it("has round ticks within its window", () => {
    expect(ticks(0, 1_642_000_000, 6)).toEqual({
      at: [0, 500_000_000, 1_000_000_000, 1_500_000_000],
      step: 500_000_000,
    });
    expect(ticks(5, 5, 6).at).toEqual([]);
  });

  it("names ticks in the unit that fits, without zeros that say nothing", () => {
    expect(formatTick(0, 5e8)).toBe("0");
    expect(formatTick(1e9, 5e8)).toBe("1 s");
    expect(formatTick(1.5e9, 5e8)).toBe("1.5 s");
    expect(formatTick(2.5e8, 5e7)).toBe("250 ms");
    expect(formatTick(1_000_250_000, 250_000)).toBe("1.00025 s");
  });

  it("of a running trace grows in steps and always has room ahead", () => {
    const lengths = [1e6, 5e8, 9.9e8, 1.3e9, 47e9];
    for (const length of lengths) expect(growingExtent(length)).toBeGreaterThan(length);
    expect(growingExtent(47e9)).toBe(50e9);
    expect(growingExtent(47.1e9)).toBe(50e9);
  });
});
