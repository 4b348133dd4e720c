/** A hub made of fixtures: the API and the live feed of docs/reference/hub-api.md, in memory. */

import type {
  AttributeValue,
  LiveItem,
  Log,
  Run,
  RunDetail,
  Span,
  Trace,
  TraceSummary,
  Usage,
} from "../src/api.ts";
import { addUsage, runFromSpans } from "../src/model/agent-graph.ts";
import { logMatcher } from "../src/model/filters.ts";
import { levelOf } from "../src/model/severity.ts";
import { compareTime, fromMillis, offsetNano } from "../src/model/time.ts";
import { newerSpan, stateOf } from "../src/model/trace-merge.ts";
import { mapOf, operationsOf } from "./fixture-operations.ts";

export class NotFound extends Error {}

export class FixtureHub {
  readonly #spans = new Map<string, Map<string, Span>>();
  readonly #logs: Log[] = [];

  take(item: LiveItem): void {
    if (item.t === "log") {
      const { t: _t, ...log } = item;
      this.#logs.push(log);
      return;
    }
    const { t: _t, ...span } = item;
    const spans = this.#spans.get(span.trace_id) ?? new Map<string, Span>();
    spans.set(span.span_id, newerSpan(spans.get(span.span_id), span));
    this.#spans.set(span.trace_id, spans);
  }

  /** Forget all but the newest `keep` traces, and never those with a name of their own. */
  trim(keep: number): void {
    const passing = [...this.#spans.keys()].filter((id) => !/^(.)\1+$/.test(id));
    for (const id of passing.slice(0, -keep)) this.#spans.delete(id);
    const kept = this.#logs.filter(
      ({ trace_id }) => trace_id !== null && this.#spans.has(trace_id),
    );
    this.#logs.splice(0, this.#logs.length, ...kept);
  }

  answer(path: string, query: URLSearchParams): unknown {
    const [kind, id, part] = path.split("/");
    if (kind === "traces" && id === undefined) return this.#traces(query);
    if (kind === "traces" && part === "otlp") return this.#otlp(id ?? "");
    if (kind === "traces") return this.#trace(id ?? "");
    if (kind === "logs") return this.#logPage(query);
    if (kind === "runs" && id === undefined) return this.#runs(query);
    if (kind === "runs") return this.#run(id ?? "");
    if (kind === "services") return this.#services();
    if (kind === "operations") return this.#operations(query);
    if (kind === "service-map") return { ...lastHour(), ...mapOf(this.#allSpans()) };
    if (kind === "facets") return this.#facets(query);
    if (kind === "sessions") return { sessions: [], next_cursor: null };
    if (kind === "metrics" && id === undefined) return { metrics: [], next_cursor: null };
    if (kind === "session") return { needed: false, signed_in: false };
    throw new NotFound();
  }

  #traces(query: URLSearchParams): unknown {
    const words = (query.get("q") ?? "").toLowerCase().split(" ");
    const service = query.get("service");
    const minimum = millis(query.get("min_duration"));
    const rows = [...this.#spans.keys()]
      .map((id) => this.#summary(id))
      .filter((row) => !service || row.services.some(({ name }) => name === service))
      .filter((row) => query.get("error") !== "true" || row.error_count > 0)
      .filter((row) => row.duration_nano >= minimum * 1e6)
      .filter((row) => this.#hasWords(row.trace_id, words))
      .sort((a, b) => compareTime(b.start_time_unix_nano, a.start_time_unix_nano));
    const { page, next } = cut(rows, query);
    return { traces: page, next_cursor: next };
  }

  #hasWords(id: string, words: readonly string[]): boolean {
    const names = [...(this.#spans.get(id)?.values() ?? [])].map(({ name }) => name).join(" ");
    return words.every((word) => names.toLowerCase().includes(word));
  }

  #summary(id: string): TraceSummary {
    const { resources: _r, spans, logs: _l, truncated: _x, ...rest } = this.#trace(id);
    const root = spans.find((span) => span.parent_span_id === null) ?? null;
    return {
      ...rest,
      root: root && {
        span_id: root.span_id,
        name: root.name,
        service: root.service,
        kind: root.kind,
      },
      open_span_count: spans.filter((span) => span.state === "open").length,
      agents: [...new Set(spans.flatMap(({ genai }) => genai?.agent ?? []))],
      usage: spans.reduce<Usage | null>(
        (sum, { genai }) => addUsage(sum, genai?.usage ?? null),
        null,
      ),
    };
  }

  #trace(id: string): Trace {
    const spans = [...(this.#spans.get(id)?.values() ?? [])];
    if (spans.length === 0) throw new NotFound();
    spans.sort((a, b) => compareTime(a.start_time_unix_nano, b.start_time_unix_nano));
    const logs = this.#logs.filter((log) => log.trace_id === id);
    const base = spans[0]?.start_time_unix_nano ?? "0";
    const duration = Math.max(
      ...spans.map(
        (span) => offsetNano(span.start_time_unix_nano, base) + (span.duration_nano ?? 0),
      ),
    );
    const counts = new Map<string, number>();
    for (const { service } of spans) counts.set(service, (counts.get(service) ?? 0) + 1);
    const names = [...counts.keys()];
    return {
      trace_id: id,
      name: (spans.find((span) => span.parent_span_id === null) ?? spans[0])?.name ?? "",
      state: stateOf(spans),
      start_time_unix_nano: base,
      end_time_unix_nano: String(BigInt(base) + BigInt(duration)),
      duration_nano: duration,
      span_count: spans.length,
      error_count: spans.filter((span) => span.status === "error").length,
      log_count: logs.length,
      services: [...counts].map(([name, span_count]) => ({ name, span_count })),
      resources: names.map((service) => ({
        service,
        attributes: {
          "service.name": service,
          "service.instance.id": `${service}-1`,
          "telemetry.sdk.language": service === "shop-web" ? "webjs" : "python",
          "process.pid": 4000 + names.indexOf(service),
        },
      })),
      spans: spans.map((span) => ({ ...span, resource: names.indexOf(span.service) })),
      logs: logs.map((log) => ({ ...log, resource: Math.max(0, names.indexOf(log.service)) })),
      truncated: false,
    };
  }

  #otlp(id: string): AttributeValue {
    const trace = this.#trace(id);
    const resourceSpans = trace.resources.map((resource, index) => ({
      resource: { attributes: keyValues(resource.attributes) },
      scopeSpans: [
        {
          scope: { name: "fixture" },
          spans: trace.spans
            .filter((span) => span.resource === index)
            .map((span) => ({
              traceId: span.trace_id,
              spanId: span.span_id,
              name: span.name,
              startTimeUnixNano: span.start_time_unix_nano,
              attributes: keyValues(span.attributes),
            })),
        },
      ],
    }));
    return { resourceSpans, resourceLogs: [] } as unknown as AttributeValue;
  }

  #logPage(query: URLSearchParams): { logs: Log[]; next_cursor: string | null } {
    const match = logMatcher({
      service: query.get("service") ?? "",
      severity: query.get("severity") ?? "",
      q: query.get("q") ?? "",
    });
    const traceId = query.get("trace_id");
    const rows = this.#logs
      .filter((log) => (!traceId || log.trace_id === traceId) && match(log))
      .map((log) => ({ ...log, resource: { "service.name": log.service } }))
      .sort((a, b) => compareTime(b.time_unix_nano, a.time_unix_nano));
    const { page, next } = cut(rows, query);
    return { logs: page, next_cursor: next };
  }

  #facets(query: URLSearchParams): unknown {
    const all = new URLSearchParams(query);
    all.set("limit", "1000000");
    const { logs } = this.#logPage(all);
    const counts = new Map<string, number>();
    for (const { service, severity_number } of logs) {
      const value = query.get("field") === "service" ? service : levelOf(severity_number);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const values = [...counts].map(([value, count]) => ({ value, count }));
    return { values, value_count: values.length, looked_at: logs.length, complete: true };
  }

  #runs(query: URLSearchParams): unknown {
    const traceId = query.get("trace_id");
    const runs = [...this.#spans.keys()]
      .filter((id) => traceId === null || id === traceId)
      .flatMap((id) => this.#runOf(id) ?? [])
      .map(({ agent_details: _a, edges: _e, steps: _s, ...run }): Run => run)
      .sort((a, b) => compareTime(b.start_time_unix_nano, a.start_time_unix_nano));
    const { page, next } = cut(runs, query);
    return { runs: page, next_cursor: next };
  }

  #run(id: string): RunDetail {
    const run = this.#runOf(id);
    if (run === null) throw new NotFound();
    return run;
  }

  #runOf(id: string): RunDetail | null {
    return runFromSpans(id, [...(this.#spans.get(id)?.values() ?? [])]);
  }

  #operations(query: URLSearchParams): unknown {
    const [service, name, kind] = ["service", "name", "kind"].map((key) => query.get(key) ?? "");
    const sort = (query.get("sort") ?? "count") as "count";
    const rows = operationsOf(this.#allSpans(), 3600)
      .filter((row) => !service || row.service === service)
      .filter((row) => row.name.toLowerCase().includes((name ?? "").toLowerCase()))
      .filter((row) => !kind || row.kind === kind)
      .filter((row) => query.get("error") !== "true" || row.error_count > 0)
      .sort((a, b) => b[sort] - a[sort] || (a.name < b.name ? -1 : 1));
    const { page, next } = cut(rows, query);
    return { ...lastHour(), operations: page, next_cursor: next };
  }

  #allSpans(): Span[] {
    return [...this.#spans.values()].flatMap((spans) => [...spans.values()]);
  }

  #services(): unknown {
    const names = new Set(this.#allSpans().map(({ service }) => service));
    return {
      services: [...names].sort().map((name) => ({
        name,
        span_count: 0,
        log_count: this.#logs.filter((log) => log.service === name).length,
        last_seen_unix_nano: "0",
      })),
    };
  }
}

function lastHour() {
  const now = Date.now();
  return { from_unix_nano: fromMillis(now - 3_600_000), to_unix_nano: fromMillis(now) };
}

function cut<T>(rows: T[], query: URLSearchParams): { page: T[]; next: string | null } {
  const from = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 50);
  const page = rows.slice(from, from + limit);
  return { page, next: from + limit < rows.length ? String(from + limit) : null };
}

function millis(text: string | null): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text ?? "");
  if (match === null) return 0;
  return Number(match[1]) * ({ ms: 1, s: 1000, m: 60_000 }[match[2] ?? "ms"] ?? 1);
}

function keyValues(attributes: Record<string, AttributeValue>): unknown {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: { stringValue: String(value) },
  }));
}
