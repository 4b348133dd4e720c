/** Operations and the service map of fixtures, worked out from their spans. */

import type { Span } from "../src/api.ts";
import type { MapEdge, MapNode, Operation, OperationMinute } from "../src/api-operations.ts";

const MINUTE = 60_000_000_000n;

export function operationsOf(spans: readonly Span[], seconds: number): Operation[] {
  const groups = gather(ended(spans), ({ service, name, kind }) =>
    JSON.stringify([service, name, kind]),
  );
  return [...groups.values()].map((group) => {
    const [{ service, name, kind }] = group as [Span, ...Span[]];
    const numbers = numbersOf(group);
    const { count, error_count } = numbers;
    const series: OperationMinute[] = [...gather(group, minuteOf)]
      .map(([time_unix_nano, minute]) => ({ time_unix_nano, ...numbersOf(minute) }))
      .sort((a, b) => (a.time_unix_nano < b.time_unix_nano ? -1 : 1));
    const rates = { rate: count / seconds, error_rate: error_count / count };
    return { service, name, kind, ...numbers, ...rates, series };
  });
}

export function mapOf(spans: readonly Span[]): { nodes: MapNode[]; edges: MapEdge[] } {
  const byId = new Map(spans.map((span) => [span.span_id, span]));
  const calls = gather(ended(spans), (span) => {
    const caller = byId.get(span.parent_span_id ?? "")?.service;
    return caller && caller !== span.service ? JSON.stringify([caller, span.service]) : "";
  });
  calls.delete("");
  const edges = [...calls].map(([key, group]): MapEdge => {
    const [source, target] = JSON.parse(key) as [string, string];
    return { source, target, type: "call", ...shortNumbers(group) };
  });
  const nodes = [...gather(ended(spans), ({ service }) => service)].map(([name, group]) => ({
    name,
    ...shortNumbers(group.filter(({ kind }) => kind === "server" || kind === "consumer")),
  }));
  return { nodes: nodes.sort((a, b) => (a.name < b.name ? -1 : 1)), edges };
}

function ended(spans: readonly Span[]): Span[] {
  return spans.filter(({ duration_nano }) => duration_nano !== null);
}

function minuteOf({ start_time_unix_nano }: Span): string {
  return String((BigInt(start_time_unix_nano) / MINUTE) * MINUTE);
}

function shortNumbers(group: readonly Span[]) {
  const { count, error_count, p95_nano } = numbersOf(group);
  return { count, error_count, p95_nano };
}

function numbersOf(group: readonly Span[]) {
  const durations = group.map(({ duration_nano }) => duration_nano ?? 0).sort((a, b) => a - b);
  const at = (share: number) => durations[Math.floor((durations.length - 1) * share)] ?? 0;
  return {
    count: group.length,
    error_count: group.filter(({ status }) => status === "error").length,
    p50_nano: at(0.5),
    p95_nano: at(0.95),
    p99_nano: at(0.99),
  };
}

function gather<T>(all: readonly T[], key: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
  return groups;
}
