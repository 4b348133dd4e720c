/** When the lines at hand were written, with warnings and errors told apart. */

import { useMemo } from "preact/hooks";
import type { Log } from "../../api.ts";
import { plural } from "../../model/attributes.ts";
import { type Bucket, histogram } from "../../model/histogram.ts";
import { formatClock, fromMillis } from "../../model/time.ts";

const BUCKETS = 96;
const HEIGHT = 40;

export function Histogram({ logs }: { logs: readonly Log[] }) {
  const { buckets, most } = useMemo(() => histogram(logs, BUCKETS), [logs]);
  const [first, last] = [buckets[0], buckets.at(-1)];
  if (!first || !last || logs.length < 2) return null;
  return (
    <figure class="histogram" aria-label={`${plural(logs.length, "line")} by time`}>
      <svg
        viewBox={`0 0 ${BUCKETS} ${HEIGHT}`}
        preserveAspectRatio="none"
        class="histogram-bars"
        aria-hidden="true"
      >
        {buckets.map((bucket, index) => (
          <Column key={index} bucket={bucket} index={index} most={most} />
        ))}
      </svg>
      <figcaption class="histogram-ends faint">
        <span>{clock(first.from)}</span>
        <span>{clock(last.to)}</span>
      </figcaption>
    </figure>
  );
}

function clock(millis: number): string {
  return formatClock(fromMillis(millis)).slice(0, 8);
}

function Column({ bucket, index, most }: { bucket: Bucket; index: number; most: number }) {
  const { quiet, warn, error } = bucket.counts;
  const total = quiet + warn + error;
  if (total === 0) return null;
  // A single line among thousands must still be seen.
  const scale = (amount: number) =>
    amount === 0 ? 0 : Math.max(1.5, (amount / most) * (HEIGHT - 2));
  const [high, middle, low] = [scale(error), scale(warn), scale(quiet)];
  const top = HEIGHT - high - middle - low;
  return (
    <g>
      <title>{`${clock(bucket.from)}: ${plural(total, "line")}, ${plural(warn, "warning")}, ${plural(error, "error")}`}</title>
      <rect x={index + 0.1} width={0.8} y={top} height={high} class="column-error" />
      <rect x={index + 0.1} width={0.8} y={top + high} height={middle} class="column-warn" />
      <rect x={index + 0.1} width={0.8} y={top + high + middle} height={low} class="column-quiet" />
    </g>
  );
}
