import { describe, expect, it } from "vitest";
import { bar, between, isWhole, momentAt, pan, position, whole, zoom } from "./time-window.ts";

const EXTENT = 10_000;

describe("a time window", () => {
  it("zooms with the moment under the pointer staying where it is", () => {
    const view = zoom(whole(EXTENT), EXTENT, 0.5, 2_500);
    expect(view).toEqual({ from: 1_250, to: 6_250 });
    expect(position(view, 2_500)).toBeCloseTo(0.25);
  });

  it("never leaves the trace, nor becomes wider than it", () => {
    expect(zoom({ from: 0, to: 5_000 }, EXTENT, 10, 100)).toEqual(whole(EXTENT));
    expect(pan({ from: 8_000, to: 9_000 }, EXTENT, 5)).toEqual({ from: 9_000, to: 10_000 });
    expect(pan({ from: 1_000, to: 2_000 }, EXTENT, -5)).toEqual({ from: 0, to: 1_000 });
  });

  it("does not become too narrow to see anything", () => {
    const view = zoom(whole(EXTENT), EXTENT, 1e-9, 500);
    expect(view.to - view.from).toBe(100);
  });

  it("of a trace that takes no time at all is still one", () => {
    expect(whole(0)).toEqual({ from: 0, to: 1 });
    expect(isWhole(zoom(whole(0), 0, 0.5, 0), 0)).toBe(true);
  });

  it("can be drawn in either direction", () => {
    expect(between(7_000, 3_000, EXTENT)).toEqual(between(3_000, 7_000, EXTENT));
    expect(between(-500, 20_000, EXTENT)).toEqual(whole(EXTENT));
  });

  it("gives back the moment of a position", () => {
    expect(momentAt({ from: 1_000, to: 3_000 }, 0.5)).toBe(2_000);
  });
});

describe("a bar", () => {
  const view = { from: 1_000, to: 2_000 };

  it("is placed by shares of the width", () => {
    expect(bar(view, 1_250, 1_500)).toEqual({
      left: 0.25,
      width: 0.25,
      cutLeft: false,
      cutRight: false,
    });
  });

  it("is cut where it reaches over the edges", () => {
    expect(bar(view, 0, 9_000)).toEqual({ left: 0, width: 1, cutLeft: true, cutRight: true });
  });

  it("is none when it lies outside", () => {
    expect(bar(view, 0, 999)).toBeNull();
    expect(bar(view, 2_001, 3_000)).toBeNull();
  });
});
