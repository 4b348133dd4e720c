import { describe, expect, it } from "vitest";
import { timeTicks } from "./time-ticks.ts";

const at = (hour: number, minute = 0) => new Date(2026, 10, 20, hour, minute).getTime() / 1000;

describe("ticks of time", () => {
  it("stand at round minutes of an hour", () => {
    const ticks = timeTicks(at(17, 6), at(18, 6), 7);
    expect(ticks.map(({ label }) => label)).toEqual([
      "17:10",
      "17:20",
      "17:30",
      "17:40",
      "17:50",
      "18:00",
    ]);
  });

  it("are round by the wall's clock over a day, and name days over a week", () => {
    expect(timeTicks(at(0), at(24), 4).map(({ label }) => label)).toEqual([
      "00:00",
      "06:00",
      "12:00",
      "18:00",
      "00:00",
    ]);
    expect(timeTicks(at(5), at(5) + 3 * 86_400, 4)[0]?.label).toBe("21 Nov");
  });

  it("are never more than there is room for", () => {
    for (const length of [3, 60, 777, 3600, 90_000, 700_000, 5_000_000]) {
      expect(timeTicks(1000, 1000 + length, 6).length).toBeLessThanOrEqual(7);
    }
  });
});
