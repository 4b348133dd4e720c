import type { Bridge } from "./bridge.js";
import { makeInference } from "./context/inference.js";
import { type Delivery, makeDelivery } from "./delivery/delivery.js";
import type { DropReason } from "./delivery/ledger.js";
import { each } from "./each.js";
import { randomHex } from "./ids.js";
import { addOpen, type OpenSpans, takeOpen } from "./open-spans.js";
import {
  type Attributes,
  context as contextApi,
  defaultTextMapGetter,
  defaultTextMapSetter,
  trace,
} from "./opentelemetry.js";
import type { AttributeMap, BridgeOptions } from "./options.js";
import { register } from "./otel/globals.js";
import type { Host } from "./otel/host.js";
import { makeLogger } from "./otel/logger.js";
import { makePropagator } from "./otel/propagator.js";
import { makeTracer } from "./otel/tracer.js";
import type { Platform } from "./platform.js";
import { type BridgeSpan, spanHandle } from "./span-handle.js";
import { SDK_NAME, VERSION } from "./version.js";
import { warnOnce } from "./warn.js";
import { keyValues, toJson } from "./wire/values.js";

/** The scope of what is recorded by the bridge's own methods. */
const SCOPE = "otbridge";
const FLUSH_MS = 2_000;

/**
 * Makes a bridge that runs until its `stop`. Use `init`, which sees to it that there is one.
 *
 * @param base - the hub's address; nothing is sent where it is empty.
 * @param onStop - is called once it records nothing any more.
 */
export function createBridge(
  options: BridgeOptions,
  base: string,
  platform: Platform,
  onStop: () => void,
): Bridge {
  const { sampleRate = 1, beforeSend, instrument = [] } = options;
  const inference = makeInference();
  const propagator = makePropagator();
  const contexts = platform._contexts();
  const open: OpenSpans = new Map();
  const plugged = new Set<() => void>();
  const leaving = new Set<() => void>();
  let user: Record<string, unknown> | undefined;
  const delivery = deliver(options, base, platform, (again) => takeOpen(open, again, user));

  const host = {
    _running: true,
    _inference: inference,
    _sampleRate: sampleRate,
    _onStart(span) {
      addOpen(open, span);
      delivery._announce();
    },
    _onEnd: (span) => open.delete(span),
    _onUnsampled: () => delivery._discard("sampled"),
    // Nothing of ours may reach the code that logs, nor leave what `beforeSend` did not see.
    _onRecord(record, scope, encode) {
      const { kind: signal, severity } = record;
      let reason: DropReason = "before_send";
      try {
        if (beforeSend?.(record) === false) delivery._discard(reason);
        else {
          reason = "unencodable";
          delivery._put({ signal, scope, json: toJson(encode(user)), severity });
        }
      } catch (error) {
        delivery._discard(reason);
        warnOnce(`a record is lost: ${reason}, ${error}`);
      }
    },
  } satisfies Host as Host & { _running: boolean };

  const logger = makeLogger(host, SCOPE, VERSION);
  const leave = each(leaving);
  const at =
    (severity: number): Bridge["error"] =>
    (message, attributes) =>
      bridge.log(severity, message, attributes);

  const bridge: Bridge = {
    base,
    tracer: makeTracer(host, SCOPE, VERSION),
    propagator,
    inference,
    contexts,

    debug: at(5),
    info: at(9),
    warn: at(13),
    error: at(17),
    log(severityNumber, message, attributes) {
      const exception = [message, attributes].find((value) => value instanceof Error);
      logger.emit({
        severityNumber,
        body: message === exception ? undefined : message,
        attributes: attributes === exception ? {} : (attributes as Attributes),
        exception,
      });
    },
    event: (eventName, attributes) =>
      logger.emit({ eventName, severityNumber: 9, attributes: attributes as Attributes }),
    logger: (name, version) => makeLogger(host, name, version),

    span<T>(name: string, ...rest: unknown[]): T {
      const fn = rest.pop() as (span: BridgeSpan) => T;
      const outer = contextApi.active();
      const around = bridge.activeContext();
      const span = bridge.startSpan(name, rest[0] as AttributeMap | undefined);
      const leaveScope = inference.enter(span.context, around);
      const finish = () => {
        span.end();
        leaveScope();
        contexts.resume?.(outer);
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
    },
    startSpan(name, attributes) {
      const parent = contextApi.active();
      const options = { attributes: attributes as Attributes };
      return spanHandle(bridge.tracer.startSpan(name, options, parent), parent);
    },

    inject<T extends object>(carrier = {} as T, context = bridge.activeContext()) {
      propagator.inject(context, carrier, defaultTextMapSetter);
      return carrier;
    },
    extract: (carrier) => propagator.extract(contextApi.active(), carrier, defaultTextMapGetter),
    with: (context, fn) => contextApi.with(context, fn),
    activeContext() {
      const active = contextApi.active();
      return trace.getSpan(active) ? active : (inference.current() ?? active);
    },

    plug(instrumentation) {
      let unplug = () => {};
      try {
        if (host._running) unplug = instrumentation(bridge);
      } catch (error) {
        warnOnce(`an instrumentation failed: ${error}`);
      }
      const off = () => {
        if (plugged.delete(off)) unplug();
      };
      plugged.add(off);
      return off;
    },
    setUser(given) {
      user = { "user.id": given?.id, "user.name": given?.name, "user.email": given?.email };
    },
    onLeave(fn) {
      leaving.add(fn);
      return () => leaving.delete(fn);
    },
    flush: (timeout = FLUSH_MS) => delivery._flush(timeout),
    stats: delivery._stats,
    async stop(timeout) {
      leave();
      each([...plugged].reverse())();
      host._running = false;
      onStop();
      const result = await bridge.flush(timeout);
      delivery._stop();
      return result;
    },
  };

  if (!base) delivery._stop();
  const tracers = {
    getTracer: (name: string, version?: string) => makeTracer(host, name, version),
  };
  const hide = (away: boolean) => {
    leave();
    delivery._hide(away, !open.size);
  };
  bridge.plug(() => register(contexts, tracers, { getLogger: bridge.logger }, propagator));
  bridge.plug(() => platform._watch(delivery, hide));
  for (const instrumentation of instrument) bridge.plug(instrumentation);
  return bridge;
}

function deliver(
  options: BridgeOptions,
  base: string,
  platform: Platform,
  takeOpen: (again: boolean) => string[],
): Delivery {
  const { transport, token, service, version, environment, attributes, flushInterval } = options;
  const stream = randomHex(16);
  const connector = transport === "http" ? undefined : platform._socket(options);
  const resource = {
    ...platform._resource(),
    "telemetry.sdk.name": SDK_NAME,
    "telemetry.sdk.version": VERSION,
    "service.instance.id": stream,
    "service.version": version,
    "deployment.environment.name": environment,
    ...attributes,
    "service.name": service,
  };
  return makeDelivery({
    _identity: {
      _base: base,
      _stream: stream,
      _resource: keyValues([resource])[0],
      _token: typeof token === "string" ? () => token : token,
    },
    _connector: connector,
    _fallback: transport !== "websocket",
    _interval: flushInterval ?? (connector ? 200 : 1_000),
    _takeOpen: takeOpen,
  });
}
