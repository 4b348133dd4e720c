import {
  context as contextApi,
  type Logger,
  type LoggerProvider,
  type LogRecord,
  type SpanContext,
  trace,
} from "@opentelemetry/api";
import { type Clock, toNanos } from "../clock.js";
import { INFERRED, type Inference } from "../context/inference.js";
import { describeException, exceptionAttributes } from "../wire/exceptions.js";
import type { LogFields } from "../wire/records.js";
import { encodeScope } from "../wire/records.js";
import { toUnixMs } from "./span.js";

/** What the loggers of one bridge share. */
export interface LoggerHost {
  readonly running: boolean;
  readonly clock: Clock;
  readonly inference: Inference;
  onLog(log: LogFields, scope: string): void;
}

/** Words for the severity numbers of the OpenTelemetry logs data model, by fours. */
const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/** `INFO` for 9 to 12, and so on; nothing for 0 and what is out of range. */
export function severityText(severity: number): string {
  return LEVELS[Math.ceil(severity / 4) - 1] ?? "";
}

/** A `LoggerProvider` for the API of 1.10 and for the older `api-logs`. */
export class BridgeLoggerProvider implements LoggerProvider {
  readonly #host: LoggerHost;
  readonly #loggers = new Map<string, Logger>();

  constructor(host: LoggerHost) {
    this.#host = host;
  }

  getLogger(name: string, version?: string): Logger {
    const scope = encodeScope(name, version);
    let logger = this.#loggers.get(scope);
    if (!logger) {
      logger = new BridgeLogger(this.#host, scope);
      this.#loggers.set(scope, logger);
    }
    return logger;
  }
}

class BridgeLogger implements Logger {
  readonly #host: LoggerHost;
  readonly #scope: string;

  constructor(host: LoggerHost, scope: string) {
    this.#host = host;
    this.#scope = scope;
  }

  enabled(): boolean {
    return this.#host.running;
  }

  emit(record: LogRecord): void {
    const host = this.#host;
    if (!host.running) return;
    const observed = toNanos(host.clock.now());
    const { timestamp, severityNumber = 0, exception } = record;
    const [context, inferred] = whereAreWe(host.inference, record);
    const thrown = exception === undefined ? undefined : exceptionAttributes(exception);
    host.onLog(
      {
        time: timestamp === undefined ? observed : toNanos(toUnixMs(timestamp)),
        observed,
        severity: severityNumber,
        severityText: record.severityText ?? severityText(severityNumber),
        body: record.body ?? (thrown && describeException(thrown)),
        eventName: record.eventName,
        attributes:
          thrown || inferred
            ? { ...thrown, ...(inferred && INFERRED), ...record.attributes }
            : record.attributes,
        context,
      },
      this.#scope,
    );
  }
}

/** The span that a record belongs to, and whether that was concluded. */
function whereAreWe(inference: Inference, record: LogRecord): [SpanContext | undefined, boolean] {
  const known = trace.getSpanContext(record.context ?? contextApi.active());
  if (known && trace.isSpanContextValid(known)) return [known, false];
  const inferred = record.context ? undefined : inference.current();
  return inferred ? [trace.getSpanContext(inferred), true] : [undefined, false];
}
