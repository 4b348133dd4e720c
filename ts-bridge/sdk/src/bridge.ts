import {
  type Context,
  context as contextApi,
  defaultTextMapGetter,
  defaultTextMapSetter,
  type Logger,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { type Clock, systemClock } from "./clock.js";
import { Inference } from "./context/inference.js";
import { Scope } from "./context/scope.js";
import { Delivery, type FlushResult } from "./delivery/delivery.js";
import type { LedgerSnapshot } from "./delivery/ledger.js";
import { randomHex } from "./ids.js";
import { OpenSpans } from "./open-spans.js";
import type {
  AttributeMap,
  BridgeOptions,
  Instrumentation,
  OutgoingRecord,
  User,
} from "./options.js";
import { register } from "./otel/globals.js";
import { BridgeLoggerProvider, type LoggerHost } from "./otel/logger.js";
import { W3CPropagator } from "./otel/propagator.js";
import { RecordingSpan } from "./otel/span.js";
import { BridgeTracerProvider, type TracerHost } from "./otel/tracer.js";
import type { BridgeContextManager, Platform } from "./platform.js";
import { BridgeSpan } from "./span-handle.js";
import { SDK_NAME, VERSION } from "./version.js";
import { warnOnce } from "./warn.js";
import { encodeLog, encodeResource, type LogFields } from "./wire/records.js";

const ERROR = 17;

/** What `init` returns: the page's or the program's voice towards the hub. */
export class Bridge {
  /** The hub's address, or where the bridge is mounted; empty when there is none to send to. */
  readonly base: string;
  /** Makes spans, by the API of OpenTelemetry. */
  readonly tracer: Tracer;
  /** Where context is kept in this platform. */
  readonly contexts: BridgeContextManager;
  /** Concludes a parent where the platform lost the context. */
  readonly inference = new Inference();
  readonly clock: Clock = systemClock();

  readonly #options: BridgeOptions;
  readonly #delivery: Delivery;
  readonly #loggers: BridgeLoggerProvider;
  readonly #logger: Logger;
  readonly #propagator = new W3CPropagator();
  readonly #open: OpenSpans;
  readonly #plugged = new Set<() => void>();
  readonly #leaving = new Set<() => void>();
  readonly #unregister: () => void;
  readonly #onStop: () => void;
  #user: Record<string, unknown> | undefined;
  #running = true;

  /** Use `init`, which sees to it that there is one. */
  constructor(options: BridgeOptions, base: string, platform: Platform, onStop: () => void) {
    this.#options = options;
    this.base = base;
    this.#onStop = onStop;
    this.contexts = platform.contexts();
    this.#open = new OpenSpans(() => this.#user);
    this.#delivery = this.#deliver(platform);
    if (!base) this.#delivery.stop();
    const tracers = new BridgeTracerProvider(this.#tracerHost());
    this.#loggers = new BridgeLoggerProvider(this.#loggerHost());
    this.tracer = tracers.getTracer("otbridge", VERSION);
    this.#logger = this.#loggers.getLogger("otbridge", VERSION);
    this.#unregister = register({
      tracers,
      loggers: this.#loggers,
      contexts: this.contexts,
      propagator: this.#propagator,
    });
    this.#plugged.add(platform.watch(this.#delivery, { leave: () => this.#leave(), open: this.#open }));
    for (const instrumentation of options.instrument ?? []) this.plug(instrumentation);
  }

  // ------------------------------------------------------------------ logs

  debug(message: unknown, attributes?: AttributeMap): void {
    this.log(5, message, attributes);
  }

  info(message: unknown, attributes?: AttributeMap): void {
    this.log(9, message, attributes);
  }

  warn(message: unknown, attributes?: AttributeMap): void {
    this.log(13, message, attributes);
  }

  /** An `Error` as message or as attributes is recorded as what was thrown. */
  error(message: unknown, attributes?: AttributeMap | Error): void {
    this.log(ERROR, message, attributes);
  }

  /** *severity*: OpenTelemetry's number, 1 to 24. */
  log(severity: number, message: unknown, attributes?: AttributeMap | Error): void {
    const thrown = [message, attributes].find((value) => value instanceof Error);
    this.#logger.emit({
      severityNumber: severity,
      body: message instanceof Error ? undefined : message,
      ...(attributes instanceof Error ? undefined : { attributes: attributes as never }),
      ...(thrown !== undefined && { exception: thrown }),
    });
  }

  /** Something that was thrown, as an error of its own. */
  exception(error: unknown, attributes?: AttributeMap): void {
    this.#logger.emit({
      eventName: "exception",
      severityNumber: ERROR,
      exception: error,
      attributes: attributes as never,
    });
  }

  /** A named event with attributes, for example `cart.opened`. */
  event(name: string, attributes?: AttributeMap): void {
    this.#logger.emit({ eventName: name, severityNumber: 9, attributes: attributes as never });
  }

  /** A logger by the API of OpenTelemetry, for records of a scope of your own. */
  logger(name: string, version?: string): Logger {
    return this.#loggers.getLogger(name, version);
  }

  // ------------------------------------------------------------------ spans

  /**
   * Runs *fn* in a span, which ends when *fn* returns or its promise is settled.
   *
   * What *fn* throws is recorded and thrown on.
   *
   * @example
   * await bridge.span("checkout", { items: 3 }, async (s) => {
   *   await s.fetch("/api/order", { method: "POST" });
   *   s.setAttribute("ordered", true);
   * });
   */
  span<T>(name: string, fn: (span: BridgeSpan) => T): T;
  span<T>(name: string, attributes: AttributeMap, fn: (span: BridgeSpan) => T): T;
  span<T>(
    name: string,
    second: AttributeMap | ((span: BridgeSpan) => T),
    third?: (span: BridgeSpan) => T,
  ): T {
    const [attributes, fn] = third ? [second as AttributeMap, third] : [{}, second];
    const outer = contextApi.active();
    const span = this.startSpan(name, attributes as AttributeMap);
    const leave = this.#enter(span);
    const finish = (error?: [unknown]) => {
      if (error) span.fail(error[0]);
      span.end();
      leave();
    };
    let result: T;
    try {
      result = span.run(() => (fn as (span: BridgeSpan) => T)(span));
    } catch (error) {
      finish([error]);
      throw error;
    }
    if (!isPromise(result)) {
      finish();
      return result;
    }
    return result.then(
      (value) => {
        finish();
        this.contexts.resume?.(outer);
        return value;
      },
      (error: unknown) => {
        finish([error]);
        this.contexts.resume?.(outer);
        throw error;
      },
    ) as T;
  }

  /** A span that you end yourself. It is nobody's parent but through `run` and `fetch`. */
  startSpan(name: string, attributes?: AttributeMap): BridgeSpan {
    const parent = contextApi.active();
    const options = attributes ? { attributes: attributes as never } : {};
    return new BridgeSpan(this.tracer.startSpan(name, options, parent), parent);
  }

  #enter({ otel, context }: BridgeSpan): () => void {
    if (!(otel instanceof RecordingSpan)) return () => {};
    const scope = new Scope(context, otel.activity);
    otel.activity = scope;
    return this.inference.enter(scope);
  }

  // ------------------------------------------------------------------ context over sockets of your own

  /** Writes `traceparent`, and what else there is, into *carrier*; for messages of your own. */
  inject<T extends object>(carrier: T = {} as T, context: Context = this.activeContext()): T {
    this.#propagator.inject(context, carrier, defaultTextMapSetter);
    return carrier;
  }

  /** The context that somebody else wrote into *carrier*, for {@link Bridge.with}. */
  extract(carrier: object): Context {
    return this.#propagator.extract(contextApi.active(), carrier, defaultTextMapGetter);
  }

  /** Runs *fn* in *context*. */
  with<T>(context: Context, fn: () => T): T {
    return contextApi.with(context, fn);
  }

  /** The active context, or the concluded one where there is none. */
  activeContext(): Context {
    const active = contextApi.active();
    return trace.getSpan(active) ? active : (this.inference.current() ?? active);
  }

  // ------------------------------------------------------------------ life

  /** Adds an instrumentation while running; returns what takes it out again. */
  plug(instrumentation: Instrumentation): () => void {
    if (!this.#running) return () => {};
    let unplug: () => void;
    try {
      unplug = instrumentation(this);
    } catch (error) {
      warnOnce(`an instrumentation could not be plugged in: ${error}`);
      return () => {};
    }
    const off = () => {
      if (this.#plugged.delete(off)) unplug();
    };
    this.#plugged.add(off);
    return off;
  }

  /** Puts a user on every record from now on; `null` takes it away. */
  setUser(user: User | null): void {
    this.#user = user
      ? { "user.id": user.id, "user.name": user.name, "user.email": user.email }
      : undefined;
  }

  /** Calls *fn* before the last records of the page are sent; returns what ends that. */
  onLeave(fn: () => void): () => void {
    this.#leaving.add(fn);
    return () => this.#leaving.delete(fn);
  }

  /**
   * Sends what waits.
   *
   * @param timeout - milliseconds to wait for the hub's word; 2000 when not given.
   */
  flush(timeout = 2_000): Promise<FlushResult> {
    return this.#delivery.flush(timeout);
  }

  /** The ledger: `accepted = delivered + rejected + dropped + waiting`. */
  stats(): LedgerSnapshot {
    return this.#delivery.stats();
  }

  /** Unplugs everything, sends what waits, and says goodbye. Everything patched is as before. */
  async stop(timeout = 2_000): Promise<FlushResult> {
    this.#leave();
    for (const off of [...this.#plugged].reverse()) off();
    this.#plugged.clear();
    this.#running = false;
    this.#unregister();
    this.#onStop();
    const result = await this.#delivery.flush(timeout);
    this.#delivery.stop();
    return result;
  }

  #leave(): void {
    for (const fn of this.#leaving) fn();
  }

  // ------------------------------------------------------------------ from records to delivery

  #deliver(platform: Platform): Delivery {
    const options = this.#options;
    const stream = randomHex(16);
    const socket = options.transport === "http" ? undefined : platform.socket(options);
    const { token } = options;
    return new Delivery({
      identity: {
        base: this.base,
        stream,
        resource: encodeResource({
          ...platform.resource(),
          "telemetry.sdk.name": SDK_NAME,
          "telemetry.sdk.version": VERSION,
          "service.instance.id": stream,
          "service.version": options.version,
          "deployment.environment.name": options.environment,
          ...options.attributes,
          "service.name": options.service,
        }),
        token: token === undefined || typeof token === "function" ? token : () => token,
      },
      clock: this.clock,
      socket,
      fallback: options.transport !== "websocket",
      flushInterval: options.flushInterval ?? (socket ? 200 : 1_000),
      takeOpen: (again) => this.#open.take(again),
    });
  }

  #tracerHost(): TracerHost {
    const bridge = this;
    return {
      clock: this.clock,
      inference: this.inference,
      sampleRate: this.#options.sampleRate ?? 1,
      get running() {
        return bridge.#running;
      },
      onStart(span) {
        bridge.#open.add(span);
        bridge.#delivery.announce();
      },
      onEnd: (span) => this.#onEnd(span),
      onUnsampled: () => this.#delivery.discard("sampled"),
    };
  }

  #loggerHost(): LoggerHost {
    const bridge = this;
    return {
      clock: this.clock,
      inference: this.inference,
      get running() {
        return bridge.#running;
      },
      onLog: (log, scope) => this.#onLog(log, scope),
    };
  }

  #onEnd(span: RecordingSpan): void {
    this.#open.delete(span);
    const severity = span.status.code === 2 ? ERROR : 9;
    this.#guard(() => {
      if (this.#options.beforeSend) {
        const { name, attributes } = span;
        const record: OutgoingRecord = { kind: "span", name, severity: 0, attributes };
        if (!this.#let(record)) return;
        span.name = String(record.name);
      }
      this.#delivery.put({ signal: "spans", scope: span.scope, json: span.encode(this.#user), severity });
    });
  }

  #onLog(log: LogFields, scope: string): void {
    this.#guard(() => {
      if (this.#options.beforeSend) {
        const { eventName: name = "", body, severity } = log;
        const record: OutgoingRecord = { kind: "log", name, body, severity, attributes: { ...log.attributes } };
        if (!this.#let(record)) return;
        log = { ...log, body: record.body, eventName: record.name, attributes: record.attributes };
      }
      this.#delivery.put({ signal: "logs", scope, json: encodeLog(log, this.#user), severity: log.severity });
    });
  }

  #let(record: OutgoingRecord): boolean {
    if (this.#options.beforeSend?.(record) !== false) return true;
    this.#delivery.discard("before_send");
    return false;
  }

  /** Nothing of ours may reach the code that logs; nor may what `beforeSend` did not see leave. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#delivery.discard("unencodable");
      warnOnce(`a record was let go, because preparing it failed: ${error}`);
    }
  }
}

function isPromise<T>(value: T): value is T & Promise<Awaited<T>> {
  return typeof (value as { then?: unknown } | null)?.then === "function";
}
