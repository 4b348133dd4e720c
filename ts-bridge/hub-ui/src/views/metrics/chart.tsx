/** Lines over time, with exemplars as dots that lead to their traces. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { MetricDetail, MetricSeries } from "../../api-metrics.ts";
import { formatMeasure, type LinePoint, type Measure } from "../../model/metric-lines.ts";
import { HUES } from "../../model/service-hues.ts";
import { formatClock, fromMillis, ticks, toMillis } from "../../model/time.ts";
import { timeTicks } from "../../model/time-ticks.ts";
import { go, href } from "../../router.ts";

export interface DrawnLine {
  readonly series: MetricSeries;
  readonly points: readonly LinePoint[];
  readonly hue: string;
}

export function hueOf(index: number): string {
  return `var(--hue-${index % HUES})`;
}

const HEIGHT = 260;
const LEFT = 84;
const RIGHT = 16;
const TOP = 12;
const BOTTOM = 26;
/** Dots beyond this many are a smear; the list below the chart has the newest. */
const DOTS = 200;

export function Chart(props: {
  lines: readonly DrawnLine[];
  detail: MetricDetail;
  measure: Measure;
  unit: string;
  /** Id of the series that stands out. */
  near: string | null;
}) {
  const { lines, detail, unit, near } = props;
  const frame = useRef<HTMLElement>(null);
  const width = useWidth(frame);
  const from = toMillis(detail.from_unix_nano) / 1000;
  const to = Math.max(from + 1, toMillis(detail.to_unix_nano) / 1000);
  const dots = props.measure === "p95" || props.measure === "average" ? dotsOf(detail) : [];
  const values = [...lines.flatMap(({ points }) => points), ...dots].map(({ value }) => value);
  const low = Math.min(0, ...values);
  const high = Math.max(...values, low + Number.EPSILON) || 1;
  const x = (at: number) => LEFT + ((at - from) / (to - from)) * (width - LEFT - RIGHT);
  const y = (value: number) => TOP + (1 - (value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  return (
    <figure class="metric-chart" ref={frame}>
      <svg
        width={width}
        height={HEIGHT}
        role="img"
        aria-label={`${detail.name} over time, ${lines.length} lines`}
      >
        {ticks(low, high, 4).at.map((value) => (
          <g key={value}>
            <line class="chart-grid" x1={LEFT} x2={width - RIGHT} y1={y(value)} y2={y(value)} />
            <text class="chart-tick" x={LEFT - 8} y={y(value) + 4} text-anchor="end">
              {formatMeasure(value, unit)}
            </text>
          </g>
        ))}
        {timeTicks(from, to, Math.max(2, width / 110)).map(({ at, label }) => (
          <text key={at} class="chart-tick" x={x(at)} y={HEIGHT - 8} text-anchor="middle">
            {label}
          </text>
        ))}
        {lines.map(({ series, points, hue }) => (
          <g
            key={series.id}
            class={near !== null && near !== series.id ? "chart-line chart-back" : "chart-line"}
            style={{ color: hue }}
          >
            <path d={pathOf(points, x, y)} />
            {/* A single point has no length to draw. */}
            {points.length < 60 &&
              points.map(({ at, value }) => (
                <circle key={at} cx={x(at)} cy={y(value)} r="2">
                  <title>{`${clock(at)}: ${formatMeasure(value, unit)}`}</title>
                </circle>
              ))}
          </g>
        ))}
        {dots.map(({ at, value, traceId, spanId }) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: the list below the chart has them as links
          <rect
            key={`${spanId} ${at}`}
            class="chart-exemplar"
            x={x(at) - 4}
            y={y(value) - 4}
            width="8"
            height="8"
            transform={`rotate(45 ${x(at)} ${y(value)})`}
            onClick={() => go(href(`/traces/${traceId}`, { at: spanId && `s${spanId}` }))}
          >
            <title>{`${clock(at)}: ${formatMeasure(value, unit)}. Press to see its trace`}</title>
          </rect>
        ))}
      </svg>
    </figure>
  );
}

function clock(at: number): string {
  return formatClock(fromMillis(at * 1000)).slice(0, 8);
}

function pathOf(
  points: readonly LinePoint[],
  x: (at: number) => number,
  y: (value: number) => number,
): string {
  return points
    .map(({ at, value }, index) => `${index ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`)
    .join("");
}

function dotsOf(detail: MetricDetail) {
  const dots = detail.series.flatMap(({ points }) =>
    points.flatMap(({ exemplars }) =>
      (exemplars ?? []).flatMap(({ time_unix_nano, value, trace_id, span_id }) =>
        trace_id && typeof value === "number"
          ? [{ at: toMillis(time_unix_nano) / 1000, value, traceId: trace_id, spanId: span_id }]
          : [],
      ),
    ),
  );
  const [from, to] = [detail.from_unix_nano, detail.to_unix_nano].map((at) => toMillis(at) / 1000);
  return dots.filter(({ at }) => at >= (from ?? 0) && at <= (to ?? 0)).slice(-DOTS);
}

/** The width of an element, followed as it changes. */
function useWidth(element: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(800);
  useEffect(() => {
    if (!element.current) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setWidth(Math.max(240, Math.round(entry.contentRect.width)));
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return width;
}
