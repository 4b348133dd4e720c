/** The part of a trace's time that is in view, and where things lie in it. */

/** Nanoseconds from the trace's start. */
export interface TimeWindow {
  readonly from: number;
  readonly to: number;
}

/** Nobody needs to look closer than this many nanoseconds across the whole width. */
const NARROWEST = 100;

export function whole(extent: number): TimeWindow {
  return { from: 0, to: Math.max(extent, 1) };
}

/** Scale the width by `factor` (below 1: closer) with the moment `anchor` staying where it is. */
export function zoom(view: TimeWindow, extent: number, factor: number, anchor: number): TimeWindow {
  const width = view.to - view.from;
  const target = clamp(width * factor, Math.min(NARROWEST, extent), Math.max(extent, 1));
  const share = clamp((anchor - view.from) / width, 0, 1);
  return fit(anchor - share * target, target, extent);
}

/** Move by a share of the width: 0.1 is a tenth to the right. */
export function pan(view: TimeWindow, extent: number, share: number): TimeWindow {
  const width = view.to - view.from;
  return fit(view.from + share * width, width, extent);
}

/** The window between two moments, in either order, kept within the trace. */
export function between(a: number, b: number, extent: number): TimeWindow {
  const from = clamp(Math.min(a, b), 0, extent);
  const to = clamp(Math.max(a, b), 0, extent);
  const width = Math.max(to - from, Math.min(NARROWEST, extent));
  return fit(from, width, extent);
}

export function isWhole(view: TimeWindow, extent: number): boolean {
  return view.from <= 0 && view.to >= extent;
}

function fit(from: number, width: number, extent: number): TimeWindow {
  const limit = Math.max(extent, 1);
  const start = clamp(from, 0, Math.max(0, limit - width));
  return { from: start, to: Math.min(limit, start + width) };
}

export interface Bar {
  /** Shares of the width, 0 to 1, cut off at the window's edges. */
  readonly left: number;
  readonly width: number;
  readonly cutLeft: boolean;
  readonly cutRight: boolean;
}

/** Where a bar lies in the window; null when it is wholly outside. */
export function bar(view: TimeWindow, start: number, end: number): Bar | null {
  if (end < view.from || start > view.to) return null;
  const width = view.to - view.from;
  const left = Math.max(0, (start - view.from) / width);
  const right = Math.min(1, (end - view.from) / width);
  return { left, width: right - left, cutLeft: start < view.from, cutRight: end > view.to };
}

/** Where a moment lies, 0 to 1; null when outside. */
export function position(view: TimeWindow, at: number): number | null {
  if (at < view.from || at > view.to) return null;
  return (at - view.from) / (view.to - view.from);
}

/** The moment at a share of the width. */
export function momentAt(view: TimeWindow, share: number): number {
  return view.from + share * (view.to - view.from);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
