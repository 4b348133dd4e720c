import type { Inference } from "./context/inference.js";
import type { FlushResult } from "./delivery/delivery.js";
import type { LedgerSnapshot } from "./delivery/ledger.js";
import type { Context, Logger, Tracer } from "./opentelemetry.js";
import type { AttributeMap, Instrumentation, User } from "./options.js";
import type { Propagator } from "./otel/propagator.js";
import type { BridgeContextManager } from "./platform.js";
import type { BridgeSpan } from "./span-handle.js";

/** What `init` returns: the page's or the program's voice towards the hub. */
export interface Bridge {
  /** The hub's address, or where the bridge is mounted; empty when there is none to send to. */
  readonly base: string;
  /** Makes spans, by the API of OpenTelemetry. */
  readonly tracer: Tracer;
  /** @internal */
  readonly propagator: Propagator;
  /** @internal Concludes a parent where the platform lost the context. */
  readonly inference: Inference;
  /** @internal Where context is kept in this platform. */
  readonly contexts: BridgeContextManager;

  // ------------------------------------------------------------------ logs

  debug(message: unknown, attributes?: AttributeMap): void;
  info(message: unknown, attributes?: AttributeMap): void;
  warn(message: unknown, attributes?: AttributeMap): void;
  error(message: unknown, attributes?: AttributeMap | Error): void;

  /**
   * Records what happened.
   *
   * @param severity - OpenTelemetry's number, 1 to 24.
   * @param message - a text, any value, or an `Error`.
   * @param attributes - what belongs to it, or an `Error` that led to it.
   */
  log(severity: number, message: unknown, attributes?: AttributeMap | Error): void;

  /** A named event with attributes, for example `cart.opened`. */
  event(name: string, attributes?: AttributeMap): void;

  /** A logger by the API of OpenTelemetry, for records of a scope of your own. */
  logger(name: string, version?: string): Logger;

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

  /** A span that you end yourself. It is nobody's parent but through `run` and `fetch`. */
  startSpan(name: string, attributes?: AttributeMap): BridgeSpan;

  // ------------------------------------------------------------------ context over sockets of your own

  /**
   * Writes `traceparent`, and what else there is, into *carrier*: for messages of your own.
   *
   * @param context - the active one, or the concluded one, when not given.
   */
  inject<T extends object>(carrier?: T, context?: Context): T;

  /** The context that somebody else wrote into *carrier*, for {@link Bridge.with}. */
  extract(carrier: object): Context;

  /** Runs *fn* in *context*. */
  with<T>(context: Context, fn: () => T): T;

  /** The active context, or the concluded one where there is no span in it. */
  activeContext(): Context;

  // ------------------------------------------------------------------ life

  /** Adds an instrumentation while running; returns what takes it out again. */
  plug(instrumentation: Instrumentation): () => void;

  /** Puts a user on every record from now on; `null` takes it away. */
  setUser(user: User | null): void;

  /** Calls *fn* before the last records of the page are sent; returns what ends that. */
  onLeave(fn: () => void): () => void;

  /**
   * Sends what waits.
   *
   * @param timeout - milliseconds to wait for the hub's word.
   * @default 2000
   */
  flush(timeout?: number): Promise<FlushResult>;

  /** The ledger: `accepted = delivered + rejected + dropped + waiting`. */
  stats(): LedgerSnapshot;

  /**
   * Unplugs everything, sends what waits, and says goodbye. What was patched is as before.
   *
   * @param timeout - milliseconds to wait for the hub's word.
   * @default 2000
   */
  stop(timeout?: number): Promise<FlushResult>;
}
