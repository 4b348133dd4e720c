import {
  type Attributes,
  type Context,
  context as contextApi,
  defaultTextMapGetter,
  defaultTextMapSetter,
  type Logger,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { Inference } from "./context/inference.js";
import { Delivery, type FlushResult } from "./delivery/delivery.js";
import type { DropReason, LedgerSnapshot } from "./delivery/ledger.js";
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
import { BridgeLogger } from "./otel/logger.js";
import { Propagator } from "./otel/propagator.js";
import type { RecordingSpan } from "./otel/span.js";
import { BridgeTracer } from "./otel/tracer.js";
import type { BridgeContextManager, Platform } from "./platform.js";
import { BridgeSpan } from "./span-handle.js";
import { SDK_NAME, VERSION } from "./version.js";
import { warnOnce } from "./warn.js";
import { keyValues } from "./wire/values.js";

/** What `init` returns: the page's or the program's voice towards the hub. */
export class Bridge {
  /** The hub's address, or where the bridge is mounted; empty when there is none to send to. */
  readonly base: string;
  /** Makes spans, by the API of OpenTelemetry. */
  readonly tracer: Tracer = new BridgeTracer(this, "otbridge", VERSION);
  /** @internal */
  readonly propagator = new Propagator();
  /** @internal */
  running = true;
  /** @internal Concludes a parent where the platform lost the context. */
  readonly inference = new Inference();
  /** @internal Where context is kept in this platform. */
  readonly contexts: BridgeContextManager;
  /** @internal */
  readonly sampleRate: number;

  readonly #beforeSend: BridgeOptions["beforeSend"];
  readonly #delivery: Delivery;
  readonly #logger = this.logger("otbridge", VERSION);
  readonly #open = new OpenSpans();
  readonly #plugged = new Set<() => void>();
  readonly #leaving = new Set<() => void>();
  readonly #onStop: () => void;
  #user: Record<string, unknown> | undefined;

  /** @internal Use `init`, which sees to it that there is one. */
  constructor(options: BridgeOptions, base: string, platform: Platform, onStop: () => void) {
    const { sampleRate = 1, beforeSend, instrument = [] } = options;
    this.base = base;
    this.sampleRate = sampleRate;
    this.#beforeSend = beforeSend;
    this.#onStop = onStop;
    this.contexts = platform.contexts();
    this.#delivery = this.#deliver(options, platform);
    if (!base) this.#delivery.stop();
    const unregister = register(
      this.contexts,
      { getTracer: (name, version) => new BridgeTracer(this, name, version) },
      { getLogger: (name, version) => this.logger(name, version) },
      this.propagator,
    );
    this.#plugged.add(unregister);
    this.#plugged.add(
      platform.watch(this.#delivery, (away) => {
        this.#leave();
        this.#delivery.hide(away, !this.#open.size);
      }),
    );
    for (const instrumentation of instrument) this.plug(instrumentation);
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

  error(message: unknown, attributes?: AttributeMap | Error): void {
    this.log(17, message, attributes);
  }

  /**
   * Records what happened.
   *
   * @param severity - OpenTelemetry's number, 1 to 24.
   * @param message - a text, any value, or an `Error`.
   * @param attributes - what belongs to it, or an `Error` that led to it.
   */
  log(severity: number, message: unknown, attributes?: AttributeMap | Error): void {
    const isError = message instanceof Error;
    const exception = isError ? message : attributes instanceof Error ? attributes : undefined;
    this.#logger.emit({
      severityNumber: severity,
      body: isError ? undefined : message,
      attributes: attributes === exception ? {} : (attributes as Attributes),
      exception,
    });
  }

  /** A named event with attributes, for example `cart.opened`. */
  event(name: string, attributes?: AttributeMap): void {
    this.#logger.emit({ eventName: name, severityNumber: 9, attributes: attributes as Attributes });
  }

  /** A logger by the API of OpenTelemetry, for records of a scope of your own. */
  logger(name: string, version?: string): Logger {
    return new BridgeLogger(this, name, version);
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
  span<T>(name: string, ...rest: unknown[]): T {
    const fn = rest.pop() as (span: BridgeSpan) => T;
    const outer = contextApi.active();
    const around = this.activeContext();
    const span = this.startSpan(name, rest[0] as AttributeMap | undefined);
    const leave = this.inference.enter(span.context, around);
    const finish = () => {
      span.end();
      leave();
      this.contexts.resume?.(outer);
    };
    const fail = (error: unknown): never => {
      span.fail(error);
      finish();
      throw error;
    };
    let result: T;
    try {
      result = span.run(() => fn(span));
    } catch (error) {
      return fail(error);
    }
    if (result instanceof Promise) {
      return result.then((value) => {
        finish();
        return value;
      }, fail) as T;
    }
    finish();
    return result;
  }

  /** A span that you end yourself. It is nobody's parent but through `run` and `fetch`. */
  startSpan(name: string, attributes?: AttributeMap): BridgeSpan {
    const parent = contextApi.active();
    const options = { attributes: attributes as Attributes };
    return new BridgeSpan(this.tracer.startSpan(name, options, parent), parent);
  }

  // ------------------------------------------------------------------ context over sockets of your own

  /**
   * Writes `traceparent`, and what else there is, into *carrier*: for messages of your own.
   *
   * @param context - the active one, or the concluded one, when not given.
   */
  inject<T extends object>(carrier: T = {} as T, context: Context = this.activeContext()): T {
    this.propagator.inject(context, carrier, defaultTextMapSetter);
    return carrier;
  }

  /** The context that somebody else wrote into *carrier*, for {@link Bridge.with}. */
  extract(carrier: object): Context {
    return this.propagator.extract(contextApi.active(), carrier, defaultTextMapGetter);
  }

  /** Runs *fn* in *context*. */
  with<T>(context: Context, fn: () => T): T {
    return contextApi.with(context, fn);
  }

  /** The active context, or the concluded one where there is no span in it. */
  activeContext(): Context {
    const active = contextApi.active();
    return trace.getSpan(active) ? active : (this.inference.current() ?? active);
  }

  // ------------------------------------------------------------------ life

  /** Adds an instrumentation while running; returns what takes it out again. */
  plug(instrumentation: Instrumentation): () => void {
    let unplug = () => {};
    try {
      if (this.running) unplug = instrumentation(this);
    } catch (error) {
      warnOnce(`an instrumentation failed: ${error}`);
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
   * @param timeout - milliseconds to wait for the hub's word.
   */
  flush(timeout = 2_000): Promise<FlushResult> {
    return this.#delivery.flush(timeout);
  }

  /** The ledger: `accepted = delivered + rejected + dropped + waiting`. */
  stats(): LedgerSnapshot {
    return this.#delivery.stats();
  }

  /** Unplugs everything, sends what waits, and says goodbye. What was patched is as before. */
  async stop(timeout = 2_000): Promise<FlushResult> {
    this.#leave();
    for (const off of [...this.#plugged].reverse()) off();
    this.#plugged.clear();
    this.running = false;
    this.#onStop();
    const result = await this.flush(timeout);
    this.#delivery.stop();
    return result;
  }

  #leave(): void {
    for (const fn of this.#leaving) fn();
  }

  // ------------------------------------------------------------------ from records to delivery

  #deliver(options: BridgeOptions, platform: Platform): Delivery {
    const { transport, token, service, version, environment, attributes } = options;
    const stream = randomHex(16);
    const socket = transport === "http" ? undefined : platform.socket(options);
    const resource = {
      ...platform.resource(),
      "telemetry.sdk.name": SDK_NAME,
      "telemetry.sdk.version": VERSION,
      "service.instance.id": stream,
      "service.version": version,
      "deployment.environment.name": environment,
      ...attributes,
      "service.name": service,
    };
    return new Delivery({
      identity: {
        base: this.base,
        stream,
        resource: `[${keyValues([resource])[0]}]`,
        token: typeof token === "string" ? () => token : token,
      },
      socket,
      fallback: transport !== "websocket",
      flushInterval: options.flushInterval ?? (socket ? 200 : 1_000),
      takeOpen: (again) => this.#open.take(again, this.#user),
    });
  }

  /** @internal */
  onStart(span: RecordingSpan): void {
    this.#open.add(span);
    this.#delivery.announce();
  }

  /** @internal */
  onUnsampled(): void {
    this.#delivery.discard("sampled");
  }

  /** @internal Nothing of ours may reach the code that logs, nor leave what `beforeSend` did not see. */
  onRecord(
    record: OutgoingRecord,
    scope: string,
    encode: (more: Record<string, unknown> | undefined) => string,
  ): void {
    const { kind: signal, severity } = record;
    let reason: DropReason = "before_send";
    try {
      if (this.#beforeSend?.(record) === false) this.#delivery.discard(reason);
      else {
        reason = "unencodable";
        this.#delivery.put({ signal, scope, json: encode(this.#user), severity });
      }
    } catch (error) {
      this.#delivery.discard(reason);
      warnOnce(`a record is lost: ${reason}, ${error}`);
    }
  }

  /** @internal */
  onEnd(span: RecordingSpan): void {
    this.#open.delete(span);
  }
}
