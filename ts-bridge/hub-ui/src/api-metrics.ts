/** Metrics: which there are, and their data points. */

import {
  type Attributes,
  type AttributeValue,
  get,
  type Page,
  type Query,
  type Scope,
  type TimeNano,
} from "./api.ts";

export type MetricType = "gauge" | "sum" | "histogram" | "exponential_histogram" | "summary";

export interface Metric {
  name: string;
  type: MetricType;
  unit: string;
  description: string;
  temporality: "delta" | "cumulative" | null;
  monotonic: boolean;
  services: string[];
  attribute_keys: string[];
  data_points: number;
  last_time_unix_nano: TimeNano;
}

export interface Exemplar {
  time_unix_nano: TimeNano;
  value: AttributeValue;
  trace_id: string | null;
  span_id: string | null;
  attributes: Attributes;
}

/** A data point; which of the numbers it has depends on the type. NaN and infinities are texts. */
export interface MetricPoint {
  time_unix_nano: TimeNano;
  start_time_unix_nano: TimeNano | null;
  /** What a monotonic sum, or a histogram's count, grew by since the point before. */
  increase: number | null;
  value?: number | string | null;
  count?: number;
  sum?: number | string | null;
  bounds?: number[];
  counts?: number[];
  exemplars?: Exemplar[];
}

export interface MetricSeries {
  id: string;
  service: string;
  resource: Attributes;
  scope: Scope;
  type: MetricType;
  unit: string;
  temporality: "delta" | "cumulative" | null;
  monotonic: boolean;
  attributes: Attributes;
  points: MetricPoint[];
  truncated: boolean;
}

export interface MetricDetail {
  name: string;
  description: string;
  from_unix_nano: TimeNano;
  to_unix_nano: TimeNano;
  series: MetricSeries[];
  complete: boolean;
  next_cursor: string | null;
}

export async function metrics(query: Query, signal?: AbortSignal): Promise<Page<Metric>> {
  const page = await get<{ metrics: Metric[]; next_cursor: string | null }>(
    "metrics",
    query,
    signal,
  );
  return { rows: page.metrics, next: page.next_cursor };
}

export function metric(name: string, query: Query, signal?: AbortSignal): Promise<MetricDetail> {
  return get<MetricDetail>(`metrics/${encodeURIComponent(name)}`, query, signal);
}
