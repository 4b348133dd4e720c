/** What services did in a time, and whom they called: the part of the API in minutes and sums. */

import { get, type Page, type Query, type SpanKind, type TimeNano } from "./api.ts";

export interface OperationMinute {
  time_unix_nano: TimeNano;
  count: number;
  error_count: number;
  p50_nano: number;
  p95_nano: number;
  p99_nano: number;
}

export interface Operation {
  service: string;
  /** Empty for all spans of a service that has too many names. */
  name: string;
  kind: SpanKind;
  count: number;
  error_count: number;
  /** Spans per second. */
  rate: number;
  /** 0 to 1. */
  error_rate: number;
  p50_nano: number;
  p95_nano: number;
  p99_nano: number;
  /** Minutes in which something ran. */
  series?: OperationMinute[];
}

export interface MapNode {
  name: string;
  /** What it was asked. */
  count: number;
  error_count: number;
  p95_nano: number;
}

export interface MapEdge {
  source: string;
  target: string;
  type: "call" | "link";
  count: number;
  error_count: number;
  p95_nano: number;
}

/** The stretch of time that the numbers are of; the hub widens it to whole minutes. */
export interface Stretch {
  from_unix_nano: TimeNano;
  to_unix_nano: TimeNano;
}

export interface ServiceMap extends Stretch {
  nodes: MapNode[];
  edges: MapEdge[];
}

export async function operations(
  query: Query,
  signal?: AbortSignal,
): Promise<Page<Operation> & Stretch> {
  const {
    operations: rows,
    next_cursor,
    ...stretch
  } = await get<Stretch & { operations: Operation[]; next_cursor: string | null }>(
    "operations",
    query,
    signal,
  );
  return { rows, next: next_cursor, ...stretch };
}

export function serviceMap(query: Query, signal?: AbortSignal): Promise<ServiceMap> {
  return get<ServiceMap>("service-map", query, signal);
}
