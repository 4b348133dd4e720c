/**
 * Sends one span and one log record with the stock OpenTelemetry SDK, as OTLP/JSON over HTTP.
 *
 *   node stock-exporter.mjs http://127.0.0.1:4318
 *
 * Prints `{"traceId", "spanId"}`. Exits with 1 when the receiver did not take both.
 */

import { ROOT_CONTEXT, SeverityNumber, SpanKind, trace } from "@opentelemetry/api";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

const [base] = process.argv.slice(2);
if (!base) {
  console.error("usage: node stock-exporter.mjs http://HOST:PORT");
  process.exit(2);
}

const failures = [];

/** Notes what the receiver answered; the SDK itself only logs it. */
function watched(exporter) {
  const original = exporter.export.bind(exporter);
  exporter.export = (records, done) =>
    original(records, (result) => {
      if (result.code !== 0) failures.push(result.error ?? new Error("not exported"));
      done(result);
    });
  return exporter;
}

const resource = resourceFromAttributes({ "service.name": "stock-js", "service.version": "3" });
const tracers = new TracerProvider({
  resource,
  spanProcessors: [
    new SimpleSpanProcessor({
      exporter: watched(new OTLPTraceExporter({ url: `${base}/v1/traces` })),
    }),
  ],
});
const loggers = new LoggerProvider({
  resource,
  processors: [
    new SimpleLogRecordProcessor({
      exporter: watched(new OTLPLogExporter({ url: `${base}/v1/logs` })),
    }),
  ],
});

const span = tracers.getTracer("stock", "1.0").startSpan("stock span", {
  kind: SpanKind.CLIENT,
  attributes: { text: "a", int: 7, float: 0.5, flag: true, list: ["x", "y"] },
});
span.addEvent("an event", { n: 1 });
loggers.getLogger("stock", "1.0").emit({
  severityNumber: SeverityNumber.WARN,
  severityText: "WARN",
  body: "stock log",
  attributes: { n: 1 },
  context: trace.setSpan(ROOT_CONTEXT, span),
});
span.end();

// What failed was noted above; these reject with the same.
await Promise.allSettled([tracers.shutdown(), loggers.shutdown()]);
const { traceId, spanId } = span.spanContext();
console.log(JSON.stringify({ traceId, spanId }));
for (const failure of failures) console.error(String(failure));
process.exitCode = failures.length ? 1 : 0;
