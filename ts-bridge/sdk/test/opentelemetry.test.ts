import type { LoggerProvider as Loggers, TracerProvider as Tracers } from "@opentelemetry/api";
import {
  context,
  createTraceState,
  logs,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  trace,
} from "@opentelemetry/api";
import { JsonLogsSerializer, JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import {
  InMemoryLogRecordExporter,
  LoggerProvider,
  SimpleLogRecordProcessor,
} from "@opentelemetry/sdk-logs";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { describe, expect, test, vi } from "vitest";
import { baggage } from "../src/instrument/baggage.js";
import { parseTraceparent } from "../src/otel/propagator.js";
import { startBridge, startHub } from "./support/bridges.js";
import type { Frame, TestHub } from "./support/hub.js";

const HOUR = 1_700_000_000_000;

/** Uses every part of the two APIs that reaches the wire. */
function program(tracers: Tracers, loggers: Loggers): void {
  const remote = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    traceFlags: 1,
    isRemote: true,
    traceState: createTraceState("a=1,b=2"),
  });
  const tracer = tracers.getTracer("lib", "1.0");
  const span = tracer.startSpan(
    "first name",
    {
      kind: SpanKind.SERVER,
      startTime: HOUR,
      attributes: {
        text: "ü😀",
        int: 7,
        float: 1.5,
        yes: true,
        list: ["a", "b"],
        mixed: [1, 2.5],
        none: undefined,
      },
      links: [
        {
          context: { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 },
          attributes: { why: "test" },
        },
      ],
    },
    remote,
  );
  span.setAttribute("later", "x").setAttributes({ int: 8 });
  span.addEvent("plain", HOUR + 1);
  span.addEvent("with attributes", { n: 1 }, new Date(HOUR + 2));
  span.updateName("second name");
  span.setStatus({ code: 2, message: "failed" });
  span.setStatus({ code: 0 });
  loggers.getLogger("lib", "1.0").emit({
    timestamp: HOUR,
    observedTimestamp: HOUR,
    severityNumber: 17,
    severityText: "ERROR",
    body: { nested: ["value", 1] },
    eventName: "an.event",
    attributes: { n: 1, bytes: new Uint8Array([1, 2]) },
    context: trace.setSpan(remote, span),
  });
  span.end([HOUR / 1_000 + 1, 500_000]);
  span.setAttribute("too late", true);
  tracer.startSpan("root", { root: true, startTime: HOUR }, remote).end(HOUR + 0.25);
}

/** What two encoders may differ in: random ids, explicit zeros, order, and int64 as string or number. */
function normal(value: Frame): Frame {
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(
    ([key, item]) =>
      !["spanId", "observedTimeUnixNano"].includes(key) &&
      !(key === "traceId" && item !== "0af7651916cd43dd8448eb211c80319c") &&
      !(/^dropped/.test(key) && item === 0) &&
      !(Array.isArray(item) && item.length === 0) &&
      !(key === "status" && (item as Frame).code === 0),
  );
  return Object.fromEntries(
    kept.map(([key, item]) => [key, key === "intValue" ? String(item) : normal(item)]).sort(),
  );
}

/** Bits beside the sampled flag tell whether the parent was remote; we leave them unset. */
function withoutRemoteFlags(spans: Frame[]): Frame[] {
  return spans.map((span) => ({
    ...span,
    flags: span.flags & 0xff,
    ...(span.links && {
      links: span.links.map((link: Frame) => ({ ...link, flags: link.flags & 0xff })),
    }),
  }));
}

test("what reaches the wire is what the stock SDK and its serializers make of the same program", async () => {
  const spans = new InMemorySpanExporter();
  const records = new InMemoryLogRecordExporter();
  program(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] }),
    new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter: records })] }),
  );
  const read = (bytes: Uint8Array | undefined) => JSON.parse(new TextDecoder().decode(bytes));
  const stockSpans = read(JsonTraceSerializer.serializeRequest(spans.getFinishedSpans()))
    .resourceSpans[0].scopeSpans;
  const stockLogs = read(JsonLogsSerializer.serializeRequest(records.getFinishedLogRecords()))
    .resourceLogs[0].scopeLogs;

  const hub = await startHub();
  const bridge = startBridge(hub, { flushInterval: 60_000 });
  program(trace.getTracerProvider(), logs.getLoggerProvider());
  await bridge.flush();
  const batch = hub.frames.find((frame: Frame) => frame.k === "batch");

  expect(normal(withoutRemoteFlags(batch.spans[0].spans))).toEqual(
    normal(withoutRemoteFlags(stockSpans[0].spans)),
  );
  expect(batch.spans[0].scope).toEqual(stockSpans[0].scope);
  expect(normal(batch.logs)).toEqual(normal(stockLogs));
});

describe("the API's globals", () => {
  test("are ours while the bridge runs, and nobody's afterwards", async () => {
    const hub = await startHub();
    const early = trace.getTracer("early");
    const bridge = startBridge(hub);
    early.startActiveSpan("early", (outer) => {
      trace
        .getTracer("late")
        .startActiveSpan("inner", { attributes: { a: 1 } }, (inner) => inner.end());
      trace
        .getTracer("late")
        .startActiveSpan("with context", {}, ROOT_CONTEXT, (inner) => inner.end());
      outer.end();
    });
    await bridge.stop();
    trace.getTracer("after").startSpan("lost").end();
    early.startSpan("lost too").end();
    logs.getLogger("after").emit({ body: "lost" });
    expect(hub.spans.map((span) => [span.name, span.scope])).toEqual([
      ["inner", "late"],
      ["with context", "late"],
      ["early", "early"],
    ]);
    expect(hub.spans[0]?.parentSpanId).toBe(hub.spans[2]?.spanId);
    expect(hub.spans[1]?.parentSpanId).toBeUndefined();
    expect(context.active()).toBe(ROOT_CONTEXT);
    expect(propagation.fields()).toEqual([]);
  });

  test("the older api-logs finds its logger too", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    const key = Symbol.for("io.opentelemetry.js.api.logs");
    const old = (globalThis as Frame)[key](1);
    old.getLogger("old", "0.200").emit({ body: "from 0.x", severityNumber: 9 });
    await bridge.stop();
    expect(hub.logs).toMatchObject([{ body: "from 0.x", scope: "old" }]);
    expect(key in globalThis).toBe(false);
  });

  test("another SDK that came first keeps its place, and the developer is told", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const exporter = new InMemorySpanExporter();
    trace.setGlobalTracerProvider(
      new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
    );
    const hub = await startHub();
    const bridge = startBridge(hub);
    trace.getTracer("app").startSpan("theirs").end();
    bridge.span("ours", () => {});
    await bridge.stop();
    trace.getTracer("app").startSpan("still theirs").end();
    trace.disable();
    expect(exporter.getFinishedSpans().map((span) => span.name)).toEqual([
      "theirs",
      "still theirs",
    ]);
    expect(hub.spans.map((span) => span.name)).toEqual(["ours"]);
    expect(warn).toHaveBeenCalledWith(expect.stringContaining("came first"));
  });

  test("requests of OpenTelemetry's own exporters are not traced", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    const suppressed = context
      .active()
      .setValue(Symbol.for("OpenTelemetry SDK Context Key SUPPRESS_TRACING"), true);
    expect(
      context.with(suppressed, () => trace.getTracer("x").startSpan("own")).isRecording(),
    ).toBe(false);
    await bridge.flush();
    expect(hub.spans).toEqual([]);
  });

  test("bind and attach keep a context, and give it back", async () => {
    const hub: TestHub = await startHub();
    startBridge(hub);
    const key = Symbol("key");
    const mine = ROOT_CONTEXT.setValue(key, 7);
    const bound = context.bind(mine, function (this: unknown, n: number) {
      return [this, n, context.active().getValue(key)];
    });
    const self = {};
    expect(bound.call(self, 1)).toEqual([self, 1, 7]);
    const token = context.attach(mine);
    expect(context.active()).toBe(mine);
    token.dispose();
    token.dispose();
    expect(context.active()).toBe(ROOT_CONTEXT);
    expect(context.bind(mine, self)).toBe(self);
  });
});

describe("W3C headers", () => {
  const ID = "0af7651916cd43dd8448eb211c80319c";
  const SPAN = "b7ad6b7169203331";

  test.each([
    [`00-${ID}-${SPAN}-01`, true],
    [` 00-${ID}-${SPAN}-00`, true],
    [`cc-${ID}-${SPAN}-01-what-comes-later`, true],
    [`00-${ID}-${SPAN}-01-more`, false],
    [`ff-${ID}-${SPAN}-01`, false],
    [`00-${"0".repeat(32)}-${SPAN}-01`, false],
    [`00-${ID}-${"0".repeat(16)}-01`, false],
    [`00-${ID.toUpperCase()}-${SPAN}-01`, false],
    [`00-${ID}-${SPAN}`, false],
    ["", false],
    ["x".repeat(10_000), false],
  ])("traceparent %s is valid: %s", (header, valid) => {
    expect(parseTraceparent(header) !== undefined).toBe(valid);
  });

  const roundTrip = async (carrier: Record<string, string>) => {
    const bridge = startBridge(await startHub(), { instrument: [baggage()] });
    const out = bridge.inject<Record<string, string>>({}, bridge.extract(carrier));
    await bridge.stop();
    return out;
  };

  test("baggage is not handed on where nobody asked for it", async () => {
    const bridge = startBridge(await startHub());
    const off = bridge.plug(baggage());
    off();
    expect(bridge.inject({}, bridge.extract({ baggage: "a=1" }))).toEqual({});
  });

  test("traceparent, tracestate and baggage are handed on", async () => {
    const carrier = {
      traceparent: `00-${ID}-${SPAN}-01`,
      tracestate: "a=1,b=2",
      baggage: "k=v%20w,correlation.id=req-1",
    };
    expect(await roundTrip(carrier)).toEqual(carrier);
  });

  test("what is broken in baggage is left out, and the rest holds", async () => {
    expect(await roundTrip({ baggage: "a=1,,=x,b,c=%zz,d = 2 ;meta=3" })).toEqual({
      baggage: "a=1,d=2",
    });
  });

  test("baggage beyond the limits is not handed on", async () => {
    expect(await roundTrip({ baggage: `a=${"x".repeat(9_000)}` })).toEqual({});
    const many = Array.from({ length: 200 }, (_, n) => `k${n}=1`).join(",");
    expect((await roundTrip({ baggage: many })).baggage?.split(",")).toHaveLength(180);
  });
});
