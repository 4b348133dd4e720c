/** Records per second over the last minute. */

import { second } from "../../clock.ts";
import { rates } from "../../live.ts";

const WIDTH = 120;
const HEIGHT = 24;

export function RateChart() {
  second.value; // Drawn anew each second.
  const series = rates.series(Date.now());
  const most = Math.max(10, ...series);
  const step = WIDTH / series.length;
  return (
    <svg
      class="rate"
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={`Records per second over the last minute, at most ${Math.max(...series)}`}
    >
      <title>{`Records per second, last minute: at most ${Math.max(...series)}`}</title>
      {series.map((value, index) => {
        const height = value === 0 ? 1 : Math.max(2, (value / most) * HEIGHT);
        return (
          <rect
            key={index}
            class={value === 0 ? "rate-none" : "rate-bar"}
            x={index * step}
            y={HEIGHT - height}
            width={step - 0.6}
            height={height}
          />
        );
      })}
    </svg>
  );
}
