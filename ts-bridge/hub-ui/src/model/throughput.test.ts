import { describe, expect, it } from "vitest";
import { formatRate, formatShare } from "./throughput.ts";

describe("rates", () => {
  it("are told in the unit in which they are at least one", () => {
    expect(formatRate(36_000, 3600)).toBe("10/s");
    expect(formatRate(5400, 3600)).toBe("1.5/s");
    expect(formatRate(284, 3660)).toBe("4.7/min");
    expect(formatRate(60, 3600)).toBe("1/min");
    expect(formatRate(2, 3600)).toBe("2/h");
    expect(formatRate(0, 3600)).toBe("0");
    expect(formatRate(72_000_000, 3600)).toBe("20k/s");
  });
});

describe("shares", () => {
  it("never read as nothing, or as all, where they are not", () => {
    expect(formatShare(0, 10)).toBe("0 %");
    expect(formatShare(1, 100_000)).toBe("< 0.1 %");
    expect(formatShare(21, 284)).toBe("7.4 %");
    expect(formatShare(9999, 10_000)).toBe("99 %");
    expect(formatShare(10, 10)).toBe("100 %");
    expect(formatShare(0, 0)).toBe("0 %");
  });
});
