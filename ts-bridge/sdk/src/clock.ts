/** How far the two clocks of a browser may part before the wall clock is believed again. */
const MAX_DRIFT_MS = 20;

let anchor = performance.timeOrigin;

/**
 * Unix time in milliseconds, with the resolution of `performance.now()`.
 *
 * `Date.now()` counts whole milliseconds, so that spans of one click would share a start.
 * `performance.now()` alone stands still while the computer sleeps, and after that every time would
 * be hours old. So the anchor between the two is checked at each reading. What measures how long
 * something takes or waits uses {@link monotonic}: the wall clock may be set meanwhile.
 */
export function unixNow(): number {
  const wall = Date.now();
  const elapsed = monotonic();
  if (Math.abs(anchor + elapsed - wall) > MAX_DRIFT_MS) anchor = wall - elapsed;
  return anchor + elapsed;
}

/** Milliseconds of a clock that nobody sets, for what measures how long something takes or waits. */
export function monotonic(): number {
  return performance.now();
}

/** Unix milliseconds as the decimal string of nanoseconds that OTLP/JSON wants. */
export function toNanos(milliseconds: number): string {
  const positive = Math.max(0, milliseconds);
  const whole = Math.floor(positive);
  return `${BigInt(whole) * 1_000_000n + BigInt(Math.floor((positive - whole) * 1e6))}`;
}
