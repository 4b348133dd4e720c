/** Where time comes from; tests pass their own. */
export interface Clock {
  /** Unix time in milliseconds, with a fraction. */
  now(): number;
  /** Milliseconds since any fixed moment; never goes back. */
  monotonic(): number;
}

/** How far the two clocks of a browser may part before the wall clock is believed again. */
const MAX_DRIFT_MS = 20;

/**
 * The wall clock with the resolution of `performance.now()`.
 *
 * `Date.now()` counts whole milliseconds, so that spans of one click would share a start.
 * `performance.now()` alone stands still while the computer sleeps, and after that every time would
 * be hours old. So the anchor between the two is checked at each reading.
 */
export function systemClock(): Clock {
  const monotonic = () => performance.now();
  let anchor = performance.timeOrigin;
  return {
    monotonic,
    now() {
      const wall = Date.now();
      const elapsed = monotonic();
      if (Math.abs(anchor + elapsed - wall) > MAX_DRIFT_MS) anchor = wall - elapsed;
      return anchor + elapsed;
    },
  };
}

/** Unix milliseconds as the decimal string of nanoseconds that OTLP/JSON wants. */
export function toNanos(milliseconds: number): string {
  let whole = Math.floor(milliseconds);
  let rest = Math.round((milliseconds - whole) * 1e6);
  if (rest === 1e6) {
    whole += 1;
    rest = 0;
  }
  if (whole <= 0) return whole < 0 ? "0" : String(rest);
  return whole + String(rest + 1e6).slice(1);
}
