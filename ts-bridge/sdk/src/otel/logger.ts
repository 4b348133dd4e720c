import { context as contextApi, type Logger, type LogRecord } from "@opentelemetry/api";
import { toNanos, unixNow } from "../clock.js";
import { INFERRED } from "../context/inference.js";
import { describeException, exceptionAttributes } from "../wire/exceptions.js";
import { encodeLog, encodeScope } from "../wire/records.js";
import { collect } from "../wire/values.js";
import type { Host } from "./host.js";
import { toUnixMs } from "./span.js";
import { spanContextOf } from "./tracer.js";

/** Words for the severity numbers of the OpenTelemetry logs data model, by fours. */
const LEVELS = ["", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/** A logger of the bridge, for one instrumentation scope; for the API of 1.10 and for `api-logs`. */
export class BridgeLogger implements Logger {
  readonly #host: Host;
  readonly #scope: string;

  constructor(host: Host, name: string, version?: string) {
    this.#host = host;
    this.#scope = encodeScope(name, version);
  }

  enabled(): boolean {
    return this.#host.running;
  }

  emit({
    timestamp,
    severityNumber: severity = 0,
    severityText = LEVELS[Math.ceil(severity / 4)] ?? "",
    eventName: name = "",
    body,
    attributes,
    exception,
    context: given,
  }: LogRecord): void {
    const host = this.#host;
    if (!host.running) return;
    const known = spanContextOf(given ?? contextApi.active());
    const context = known ?? (given ? undefined : spanContextOf(host.inference.current()));
    const thrown = exception === undefined ? undefined : exceptionAttributes(exception);
    const observed = toNanos(unixNow());
    const record = {
      kind: "log" as const,
      time: timestamp === undefined ? observed : toNanos(toUnixMs(timestamp)),
      observed,
      name,
      severity,
      severityText,
      body: body ?? (thrown && describeException(thrown)),
      attributes: collect(known || !context ? undefined : INFERRED, thrown, attributes),
    };
    host.onRecord(record, this.#scope, (more) => encodeLog(record, context, more));
  }
}
