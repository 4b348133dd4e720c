/**
 * What one call costs in Node, beside the stock SDK. `npm run bench --workspace sdk`
 *
 * Each figure is the median of seven rounds in one process: CPU time per call in nanoseconds, with
 * four attributes, encoding included, sending not. Needs `npm run build --workspace sdk`.
 */

import { logs, trace } from "@opentelemetry/api";
import { JsonLogsSerializer, JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import { LoggerProvider } from "@opentelemetry/sdk-logs";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { init } from "../dist/index.js";

const CALLS = 100_000;
const ROUNDS = 7;
const BATCH = 256;

/** Answers at once, so that nothing piles up. */
class Sink {
  readyState = 1;
  bufferedAmount = 0;
  constructor() {
    queueMicrotask(() => this.onopen({}));
  }
  send(text) {
    const kind = text.slice(6, 11);
    const answer = kind === "hello" ? '{"k":"ready","last":0,"window":8,"max_bytes":262144}' : "";
    const id = kind === "batch" ? `{"k":"ack","id":${/"id":(\d+)/.exec(text)[1]}}` : "";
    if (answer || id) queueMicrotask(() => this.onmessage({ data: answer || id }));
  }
  close() {}
}

async function measure(name, call, between) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    let spent = 0;
    for (let done = 0; done < CALLS; done += BATCH) {
      const before = process.cpuUsage();
      for (let n = 0; n < BATCH; n++) call(n);
      await between();
      const { user, system } = process.cpuUsage(before);
      spent += user + system;
    }
    rounds.push((spent * 1_000) / CALLS);
  }
  rounds.sort((a, b) => a - b);
  console.log(
    `${name.padEnd(34)}${rounds[0].toFixed(0).padStart(8)}${rounds[ROUNDS >> 1].toFixed(0).padStart(8)}`,
  );
}

const attributes = (n) => ({ route: "/orders/{id}", items: n, total: 12.5, paid: true });

console.log(`${"".padEnd(34)}${"min ns".padStart(8)}${"median".padStart(8)}`);
const bridge = init({
  service: "bench",
  url: "http://x",
  WebSocket: Sink,
  transport: "websocket",
  flushInterval: 60_000,
});
await bridge.flush(100);
const flush = () => bridge.flush();
await measure("otbridge log", (n) => bridge.info("order placed", attributes(n)), flush);
await measure(
  "otbridge span",
  (n) => bridge.tracer.startSpan("order", { attributes: attributes(n) }).end(),
  flush,
);
await measure(
  "otbridge bridge.span()",
  (n) => bridge.span("order", attributes(n), () => {}),
  flush,
);
await bridge.stop();
logs.disable();
trace.disable();

let held = [];
const encode = (serializer) => async () => {
  serializer.serializeRequest(held);
  held = [];
};
const keep = {
  forceFlush: async () => {},
  shutdown: async () => {},
  onStart() {},
  onEmit: (r) => held.push(r),
  onEnd: (s) => held.push(s),
};
const logger = new LoggerProvider({ processors: [keep] }).getLogger("bench");
const tracer = new TracerProvider({ spanProcessors: [keep] }).getTracer("bench");
await measure(
  "OpenTelemetry SDK 3 log, JSON",
  (n) =>
    logger.emit({
      severityNumber: 9,
      severityText: "INFO",
      body: "order placed",
      attributes: attributes(n),
    }),
  encode(JsonLogsSerializer),
);
await measure(
  "OpenTelemetry SDK 3 span, JSON",
  (n) => tracer.startSpan("order", { attributes: attributes(n) }).end(),
  encode(JsonTraceSerializer),
);
