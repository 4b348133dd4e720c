/**
 * The hub's HTTP API as this page uses it.
 *
 * Types follow docs/reference/hub-api.md word for word; nothing here interprets them.
 */

import { signInAgain } from "./session.ts";

/** Unix nanoseconds as decimal digits: a number cannot hold them. */
export type TimeNano = string;

export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | AttributeValue[]
  | { [key: string]: AttributeValue };
export type Attributes = Record<string, AttributeValue>;

export interface Usage {
  /** Including what was read from or written to the provider's cache. */
  input_tokens: number;
  /** Including reasoning. */
  output_tokens: number;
  cache_read_tokens?: number;
  cache_write_tokens?: number;
  reasoning_tokens?: number;
}

export interface Scope {
  name: string;
  version: string;
}

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer" | "unspecified";
export type SpanState = "open" | "ended" | "lost";
export type SpanStatus = "unset" | "ok" | "error";

export type GenAIKind =
  | "run"
  | "agent"
  | "llm"
  | "tool"
  | "handoff"
  | "retrieval"
  | "embedding"
  | "memory"
  | "plan"
  | "step"
  | "guardrail"
  | "evaluator"
  | "message"
  | "infra";

/** What the hub understood of a span of an agent, a model or a tool. */
export interface GenAI {
  kind: GenAIKind;
  agent: string | null;
  model: string | null;
  provider: string | null;
  tool: string | null;
  target: string | null;
  conversation: string | null;
  usage: Usage | null;
  /** `{system, input, output}` in the form of the GenAI conventions. */
  messages: AttributeValue;
  /** The convention that the span was written in. */
  source?: string;
  /** What the hub could not map, in words. */
  lossy?: string[];
}

export interface SpanEvent {
  name: string;
  time_unix_nano: TimeNano;
  attributes: Attributes;
}

export interface SpanLink {
  trace_id: string;
  span_id: string;
  attributes: Attributes;
}

export interface Span {
  trace_id: string;
  span_id: string;
  parent_span_id: string | null;
  name: string;
  kind: SpanKind;
  service: string;
  /** Index into the trace's resources; absent in the live feed. */
  resource?: number;
  scope: Scope;
  start_time_unix_nano: TimeNano;
  /** Nanoseconds; null while the span is open. */
  duration_nano: number | null;
  state: SpanState;
  status: SpanStatus;
  status_message: string;
  attributes: Attributes;
  events: SpanEvent[];
  links: SpanLink[];
  genai: GenAI | null;
}

export interface Log {
  id: string;
  trace_id: string | null;
  span_id: string | null;
  time_unix_nano: TimeNano;
  observed_time_unix_nano: TimeNano;
  severity_number: number;
  severity_text: string;
  service: string;
  scope: Scope;
  body: AttributeValue;
  event_name: string;
  attributes: Attributes;
  /** In a trace an index into its resources, in a list of logs the attributes themselves. */
  resource?: number | Attributes;
}

export interface ServiceCount {
  name: string;
  span_count: number;
}

export type TraceState = "open" | "complete" | "lost";

export interface TraceSummary {
  trace_id: string;
  name: string;
  root: { span_id: string; name: string; service: string; kind: SpanKind } | null;
  start_time_unix_nano: TimeNano;
  end_time_unix_nano: TimeNano;
  duration_nano: number;
  span_count: number;
  open_span_count: number;
  error_count: number;
  log_count: number;
  services: ServiceCount[];
  state: TraceState;
  agents: string[];
  usage: Usage | null;
}

export interface Resource {
  service: string;
  attributes: Attributes;
}

export interface Trace {
  trace_id: string;
  name: string;
  state: TraceState;
  start_time_unix_nano: TimeNano;
  end_time_unix_nano: TimeNano;
  duration_nano: number;
  span_count: number;
  error_count: number;
  log_count: number;
  services: ServiceCount[];
  resources: Resource[];
  spans: Span[];
  logs: Log[];
  truncated: boolean;
}

export interface Run {
  run_id: string;
  name: string;
  state: TraceState;
  start_time_unix_nano: TimeNano;
  duration_nano: number | null;
  trace_ids: string[];
  conversation: string | null;
  agents: string[];
  llm_calls: number;
  tool_calls: number;
  handoffs: number;
  error_count: number;
  usage: Usage | null;
}

export interface ToolDetail {
  name: string;
  calls: number;
  error_count: number;
}

export interface AgentDetail {
  name: string;
  service: string;
  invocations: number;
  llm_calls: number;
  tool_calls: number;
  models: string[];
  tools: ToolDetail[];
  error_count: number;
  usage: Usage | null;
}

export type EdgeType = "handoff" | "call" | "message" | "fan_in" | "tool";

export interface RunEdge {
  source: string;
  target: string;
  type: EdgeType;
  count: number;
  span_ids: string[];
  /** How the hub knows. */
  evidence?: string[];
}

export interface RunDetail extends Run {
  agent_details: AgentDetail[];
  edges: RunEdge[];
  steps: Span[];
}

export interface Service {
  name: string;
  span_count: number;
  log_count: number;
  last_seen_unix_nano: TimeNano;
}

export interface Page<Row> {
  rows: Row[];
  next: string | null;
}

export type LiveItem = ({ t: "log" } & Log) | ({ t: "start" } & Span) | ({ t: "span" } & Span);

export type LiveFrame =
  | { k: "hello"; version: string; time_unix_nano: TimeNano }
  | { k: "batch"; items: LiveItem[]; skipped: number }
  | { k: "error"; error: unknown };

/** An answer of the hub that is not what was asked for: what happened, why, and what to do. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly what: string;
  readonly why: string;
  readonly todo: string;

  constructor(status: number, code: string, what: string, why: string, todo: string) {
    super(what);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.what = what;
    this.why = why;
    this.todo = todo;
  }
}

/** Query parameters; undefined, null, "" and false are left out, lists are given one by one. */
export type Query = Record<
  string,
  string | number | boolean | readonly string[] | null | undefined
>;

/** Fetch and decode one answer of the API; every failure arrives as an {@link ApiError}. */
export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return ask<T>(`/api/v1/${path}${queryString(query)}`, {
    signal: signal ?? null,
    headers: { accept: "application/json" },
  });
}

/** Send something to the API, and decode its answer. */
export async function post<T>(path: string, body: unknown): Promise<T> {
  return ask<T>(`/api/v1/${path}`, {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function ask<T>(url: string, request: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, request);
  } catch (error) {
    if (request.signal?.aborted) throw error;
    throw new ApiError(
      0,
      "unreachable",
      "The hub does not answer.",
      "The connection failed before an answer came.",
      "Check that `otbridge hub` is still running; this page goes on by itself when it is back.",
    );
  }
  if (response.status === 401 && (await signInAgain())) return new Promise(() => {});
  if (!response.ok) throw await readError(response);
  return (await response.json()) as T;
}

function queryString(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const each of value) parameters.append(key, each);
    else if (value !== undefined && value !== null && value !== "" && value !== false) {
      parameters.set(key, String(value));
    }
  }
  const text = parameters.toString();
  return text && `?${text}`;
}

async function readError(response: Response): Promise<ApiError> {
  const fallback = `The hub answered ${response.status}.`;
  try {
    const { error } = (await response.json()) as {
      error: { code: string; what: string; why: string; do: string };
    };
    return new ApiError(response.status, error.code, error.what, error.why, error.do);
  } catch {
    // Not the hub's JSON shape: a proxy in between, or another server on this port.
    return new ApiError(
      response.status,
      "unexpected_answer",
      fallback,
      "The answer is not in the hub's form, so something else may be serving this address.",
      "Check what listens on this port, then reload.",
    );
  }
}

export const api = {
  async traces(query: Query, signal?: AbortSignal): Promise<Page<TraceSummary>> {
    const page = await get<{ traces: TraceSummary[]; next_cursor: string | null }>(
      "traces",
      query,
      signal,
    );
    return { rows: page.traces, next: page.next_cursor };
  },
  trace: (id: string, signal?: AbortSignal) =>
    get<Trace>(`traces/${encodeURIComponent(id)}`, {}, signal),
  otlp: (id: string, signal?: AbortSignal) =>
    get<AttributeValue>(`traces/${encodeURIComponent(id)}/otlp`, {}, signal),
  async logs(query: Query, signal?: AbortSignal): Promise<Page<Log>> {
    const page = await get<{ logs: Log[]; next_cursor: string | null }>("logs", query, signal);
    return { rows: page.logs, next: page.next_cursor };
  },
  async runs(query: Query, signal?: AbortSignal): Promise<Page<Run>> {
    const page = await get<{ runs: Run[]; next_cursor: string | null }>("runs", query, signal);
    return { rows: page.runs, next: page.next_cursor };
  },
  run: (id: string, signal?: AbortSignal) =>
    get<RunDetail>(`runs/${encodeURIComponent(id)}`, {}, signal),
  async services(signal?: AbortSignal): Promise<Service[]> {
    return (await get<{ services: Service[] }>("services", {}, signal)).services;
  },
};
