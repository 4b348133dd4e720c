// Sends one span and, inside it, one log record with the stock OpenTelemetry packages from npm,
// as OTLP/JSON over HTTP. Argument: the hub's address.

import { createRequire } from "node:module";

const require = createRequire(new URL("../../../ts-bridge/sdk/package.json", import.meta.url));
const { ROOT_CONTEXT, trace } = require("@opentelemetry/api");
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-http");
const { OTLPLogExporter } = require("@opentelemetry/exporter-logs-otlp-http");
const { SimpleSpanProcessor, TracerProvider } = require("@opentelemetry/sdk-trace");
const { LoggerProvider, SimpleLogRecordProcessor } = require("@opentelemetry/sdk-logs");

const url = process.argv[2];
const spans = new OTLPTraceExporter({ url: `${url}/v1/traces` });
const logs = new OTLPLogExporter({ url: `${url}/v1/logs` });
const tracing = new TracerProvider({
  spanProcessors: [new SimpleSpanProcessor({ exporter: spans })],
});
const logging = new LoggerProvider({
  processors: [new SimpleLogRecordProcessor({ exporter: logs })],
});

const attributes = { ratio: 1.5, sizes: [1, 2], name: "x", ready: true };
const span = tracing.getTracer("tests").startSpan("stock", { attributes });
const context = trace.setSpan(ROOT_CONTEXT, span);
logging.getLogger("tests").emit({ body: { order: [1, "y"] }, severityNumber: 9, context });
span.end();
await Promise.all([tracing.forceFlush(), logging.forceFlush()]);
await Promise.all([tracing.shutdown(), logging.shutdown()]);
