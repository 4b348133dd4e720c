import { describe, expect, it } from "vitest";
import type { LiveItem } from "../api.ts";
import { log } from "./fixtures.ts";
import { LiveBuffer } from "./live-buffer.ts";
import { Rates } from "./rates.ts";

const items = (...ids: string[]): LiveItem[] =>
  ids.map((id) => ({ t: "log", ...log(id, null, 0) }));
const ids = (buffer: LiveBuffer) => buffer.rows.map(({ item }) => item.t === "log" && item.id);

describe("the live buffer", () => {
  it("keeps the newest rows and counts those it let go", () => {
    const buffer = new LiveBuffer(2);
    buffer.append(items("a", "b", "c"));
    expect(ids(buffer)).toEqual(["b", "c"]);
    expect(buffer.forgotten).toBe(1);
  });

  it("gives every row a number of its own", () => {
    const buffer = new LiveBuffer(3);
    buffer.append(items("a"));
    buffer.append(items("b", "c", "d"));
    expect(buffer.rows.map(({ serial }) => serial)).toEqual([1, 2, 3]);
  });

  it("stands still while items are held, and shows them afterwards", () => {
    const buffer = new LiveBuffer(10);
    buffer.append(items("a"));
    buffer.hold(items("b", "c"));
    expect(ids(buffer)).toEqual(["a"]);
    expect(buffer.waitingCount).toBe(2);
    buffer.resume();
    expect(ids(buffer)).toEqual(["a", "b", "c"]);
    expect(buffer.waitingCount).toBe(0);
  });

  it("counts what came during a long pause and no longer fits", () => {
    const buffer = new LiveBuffer(2);
    buffer.hold(items("a", "b", "c"));
    expect(buffer.waitingCount).toBe(3);
    buffer.resume();
    expect(ids(buffer)).toEqual(["b", "c"]);
    expect(buffer.forgotten).toBe(1);
  });
});

describe("rates", () => {
  it("count by second and forget what is older than the window", () => {
    const rates = new Rates(4);
    rates.add(5, 1_000);
    rates.add(7, 2_500);
    expect(rates.series(2_900)).toEqual([0, 0, 5, 7]);
    expect(rates.series(4_000)).toEqual([5, 7, 0, 0]);
    expect(rates.series(60_000)).toEqual([0, 0, 0, 0]);
  });

  it("are the mean of the seconds that are over", () => {
    const rates = new Rates(10);
    rates.add(6, 1_000);
    rates.add(3, 2_000);
    rates.add(100, 4_000);
    expect(rates.perSecond(4_000, 3)).toBe(3);
  });
});
