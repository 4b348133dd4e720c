/** How often an operation ran in each part of the time, with what failed told apart. */

import type { OperationMinute } from "../../api-operations.ts";
import { trend } from "../../model/trend.ts";

/** At most; the picture is as wide however many there are. */
const COLUMNS = 40;
const HEIGHT = 18;

export function Trend(props: {
  series: readonly OperationMinute[];
  /** First and last minute of all rows, in unix seconds. */
  stretch: readonly [number, number];
}) {
  const columns = trend(props.series, props.stretch, COLUMNS);
  const most = Math.max(1, ...columns.map(({ count }) => count));
  return (
    <svg
      class="trend"
      viewBox={`0 0 ${Math.max(1, columns.length)} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {columns.map(({ count, errors }, index) => {
        if (count === 0) return null;
        const height = Math.max(1.5, (count / most) * HEIGHT);
        // A single failure among thousands must still be seen.
        const failed = errors === 0 ? 0 : Math.max(2, (errors / count) * height);
        return (
          <g key={index}>
            <rect
              class="trend-well"
              x={index + 0.1}
              width={0.8}
              y={HEIGHT - height}
              height={height}
            />
            <rect
              class="trend-failed"
              x={index + 0.1}
              width={0.8}
              y={HEIGHT - failed}
              height={failed}
            />
          </g>
        );
      })}
    </svg>
  );
}
