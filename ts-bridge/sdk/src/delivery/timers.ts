export type Timer = ReturnType<typeof setTimeout>;

/**
 * A timer, in the place of *previous*, that in Node does not keep the process alive: telemetry is no
 * reason to stay.
 */
export function later(fn: () => void, ms?: number, previous?: Timer): Timer {
  clearTimeout(previous);
  const timer = setTimeout(fn, ms);
  (timer as { unref?: () => void }).unref?.();
  return timer;
}

const LONGEST_MS = 30_000;
/** Full jitter may come out at nothing, which would be no pause at all. */
const SHORTEST_MS = 100;

/** How long to wait after so many failures in a row, 1 for the first: full jitter, rule 7. */
export function backoff(failures: number): number {
  return Math.max(SHORTEST_MS, Math.random() * Math.min(LONGEST_MS, 500 * 2 ** failures));
}
