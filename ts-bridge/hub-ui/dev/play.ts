/**
 * Plays the made-up traces to a real hub, as OTLP/JSON and in their own time.
 *
 *   npx esbuild dev/play.ts --bundle --platform=node --format=esm --outfile=/tmp/play.mjs
 *   node /tmp/play.mjs http://127.0.0.1:4318 order|failing|running|small|huge [times]
 */

import type { AttributeValue, LiveItem, Log, Span } from "../src/api.ts";
import { Ids } from "./ids.ts";
import type { Recorder } from "./recorder.ts";
import { orderStory } from "./stories.ts";
import { hugeStory, smallStory } from "./traffic-stories.ts";

const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const STATUS = ["unset", "ok", "error"];

type Json = Record<string, unknown>;

function anyValue(value: AttributeValue): Json {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") {
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  }
  if (value === null) return {};
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  return { kvlistValue: { values: attributes(value) } };
}

function attributes(values: Record<string, AttributeValue>): Json[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }));
}

/** What an agent SDK would have written, from what the fixture says the hub understood. */
function genaiAttributes({ genai }: Span): Record<string, AttributeValue> {
  if (genai === null) return {};
  const operations: Record<string, string> = {
    agent: "invoke_agent",
    llm: "chat",
    tool: "execute_tool",
    handoff: "transfer_to_agent",
  };
  return {
    "gen_ai.operation.name": operations[genai.kind] ?? genai.kind,
    ...(genai.agent && { "gen_ai.agent.name": genai.agent }),
    ...(genai.provider && { "gen_ai.provider.name": genai.provider }),
    ...(genai.conversation && { "gen_ai.conversation.id": genai.conversation }),
  };
}

function otlpSpan(span: Span): Json {
  const start = BigInt(span.start_time_unix_nano);
  return {
    traceId: span.trace_id,
    spanId: span.span_id,
    ...(span.parent_span_id && { parentSpanId: span.parent_span_id }),
    name: span.name,
    kind: KINDS.indexOf(span.kind),
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + BigInt(span.duration_nano ?? 0)),
    attributes: attributes({ ...genaiAttributes(span), ...span.attributes }),
    events: span.events.map((event) => ({
      name: event.name,
      timeUnixNano: event.time_unix_nano,
      attributes: attributes(event.attributes),
    })),
    links: span.links.map((link) => ({
      traceId: link.trace_id,
      spanId: link.span_id,
      attributes: attributes(link.attributes),
    })),
    status: { code: STATUS.indexOf(span.status), message: span.status_message },
  };
}

/** The record that tells a hub of a span's beginning: see otbridge/semconv.py. */
function otlpStart(span: Span): Json {
  return {
    traceId: span.trace_id,
    spanId: span.span_id,
    timeUnixNano: span.start_time_unix_nano,
    eventName: "otbridge.span.started",
    attributes: attributes({
      ...genaiAttributes(span),
      ...span.attributes,
      "otbridge.span.name": span.name,
      "otbridge.span.kind": KINDS.indexOf(span.kind),
      ...(span.parent_span_id && { "otbridge.span.parent_id": span.parent_span_id }),
    }),
  };
}

function otlpLog(log: Log): Json {
  return {
    ...(log.trace_id && { traceId: log.trace_id }),
    ...(log.span_id && { spanId: log.span_id }),
    timeUnixNano: log.time_unix_nano,
    observedTimeUnixNano: log.observed_time_unix_nano,
    severityNumber: log.severity_number,
    severityText: log.severity_text,
    body: anyValue(log.body),
    attributes: attributes(log.attributes),
  };
}

function resource(service: string): Json {
  return {
    attributes: attributes({
      "service.name": service,
      "service.instance.id": `${service}-1`,
      "telemetry.sdk.name": "otbridge",
    }),
  };
}

async function post(url: string, signal: string, body: Json): Promise<void> {
  const response = await fetch(`${url}/v1/${signal}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
}

async function send(url: string, items: readonly LiveItem[]): Promise<void> {
  const spans = new Map<string, Map<string, Json[]>>();
  const logs = new Map<string, Map<string, Json[]>>();
  for (const item of items) {
    const [into, record] =
      item.t === "span"
        ? [spans, otlpSpan(item)]
        : [logs, item.t === "log" ? otlpLog(item) : otlpStart(item)];
    const scopes = into.get(item.service) ?? new Map<string, Json[]>();
    scopes.set(item.scope.name, [...(scopes.get(item.scope.name) ?? []), record]);
    into.set(item.service, scopes);
  }
  const lay = (records: typeof spans, scoped: string, list: string) =>
    [...records].map(([service, scopes]) => ({
      resource: resource(service),
      [scoped]: [...scopes].map(([name, entries]) => ({ scope: { name }, [list]: entries })),
    }));
  if (logs.size > 0)
    await post(url, "logs", { resourceLogs: lay(logs, "scopeLogs", "logRecords") });
  if (spans.size > 0)
    await post(url, "traces", { resourceSpans: lay(spans, "scopeSpans", "spans") });
}

const sleep = (millis: number) => new Promise((done) => setTimeout(done, millis));

const SLICE_MS = 100;

/** In its own time, what falls into the same tenth of a second together. */
async function play(url: string, story: Recorder, until = Number.POSITIVE_INFINITY): Promise<void> {
  let left = story.inOrder().filter(({ at }) => at <= until);
  for (let at = SLICE_MS; left.length > 0; at += SLICE_MS) {
    const due = left.filter((entry) => entry.at <= at);
    left = left.filter((entry) => entry.at > at);
    if (due.length > 0)
      await send(
        url,
        due.map(({ item }) => item),
      );
    await sleep(SLICE_MS);
  }
}

const [url = "http://127.0.0.1:4318", what = "order", times = "1"] = process.argv.slice(2);
const ids = new Ids(Date.now());
for (let round = 0; round < Number(times); round += 1) {
  const now = Date.now();
  if (what === "order") await play(url, orderStory(ids, now, "well", 1.5));
  else if (what === "failing") await play(url, orderStory(ids, now, "mail server down", 1));
  else if (what === "running") await play(url, orderStory(ids, now, "well", 1), 1250);
  else if (what === "small") await play(url, smallStory(ids, now));
  else {
    const items = hugeStory(ids, now - 60_000, 10_000)
      .inOrder()
      .map(({ item }) => item);
    const ended = items.filter(({ t }) => t !== "start");
    while (ended.length > 0) await send(url, ended.splice(0, 1000));
  }
}
