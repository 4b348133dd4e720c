import { toNanos, unixNow } from "../clock.js";
import { INFERRED } from "../context/inference.js";
import { context as contextApi, type Logger } from "../opentelemetry.js";
import { describeException, exceptionAttributes } from "../wire/exceptions.js";
import { withAttributes } from "../wire/records.js";
import { anyValue, cleanText, collect, toJson } from "../wire/values.js";
import type { Host } from "./host.js";
import { toUnixMs } from "./span.js";
import { spanContextOf } from "./tracer.js";

/** Words for the severity numbers of the OpenTelemetry logs data model, by fours. */
const LEVELS = ",TRACE,DEBUG,INFO,WARN,ERROR,FATAL".split(",");

/** A logger of the bridge, for one instrumentation scope; for the API of 1.10 and for `api-logs`. */
export function makeLogger(host: Host, name: string, version?: string): Logger {
  const scope = toJson({ name, version });
  return {
    enabled: () => host._running,
    emit({
      timestamp,
      severityNumber: severity = 0,
      severityText = LEVELS[Math.ceil(severity / 4)] ?? "",
      eventName: name = "",
      body,
      attributes,
      exception,
      context: given,
    }) {
      if (!host._running) return;
      const known = spanContextOf(given ?? contextApi.active());
      const context = known ?? (given ? undefined : spanContextOf(host._inference.current()));
      const thrown = exception === undefined ? exception : exceptionAttributes(exception);
      const observed = unixNow();
      const record = {
        kind: "log" as const,
        name,
        severity,
        body: body ?? (thrown && describeException(thrown)),
        attributes: collect(known || !context ? undefined : INFERRED, thrown, attributes),
      };
      host._onRecord(record, scope, (more) => {
        const fields = {
          timeUnixNano: toNanos(toUnixMs(timestamp ?? observed)),
          observedTimeUnixNano: toNanos(observed),
          severityNumber: severity,
          severityText,
          body: record.body === undefined ? undefined : anyValue(record.body),
          eventName: record.name ? cleanText(record.name) : undefined,
          flags: context?.traceFlags,
          traceId: context?.traceId,
          spanId: context?.spanId,
        };
        return withAttributes(fields, record.attributes, more);
      });
    },
  };
}
