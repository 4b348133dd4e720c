import { unixNow } from "../clock.js";
import type { Batch } from "../delivery/outbox.js";
import { SDK_NAME, VERSION } from "../version.js";

/** Who speaks; goes into `hello` and into every POST. */
export interface Identity {
  /** The hub, or where the bridge is mounted; without a slash at its end. */
  readonly base: string;
  /** 32 hex digits. */
  readonly stream: string;
  /** JSON of the resource's `KeyValue` list. */
  readonly resource: string;
  readonly token: (() => string | Promise<string>) | undefined;
}

/** What `hello` and a POST have in common, as JSON fields. */
export function introduction(
  { stream, resource }: Identity,
  events: ChannelEvents,
  token: string | undefined,
): string {
  return (
    `"v":1,"stream":"${stream}","resource":${resource},"sdk":{"name":"${SDK_NAME}","version":"${VERSION}"}` +
    `,"clock":${unixNow()},"oldest":${events.oldest()}${token ? `,"token":${JSON.stringify(token)}` : ""}`
  );
}

/** What a channel tells the delivery. */
export interface ChannelEvents {
  /** The lowest id that may still come. */
  oldest(): number;
  /** May be used now. *last*: the highest id that the hub has taken. */
  onReady(channel: Channel, last: number): void;
  onAck(id: number, rejected?: number): void;
  /** Without *retryMs* the batch was refused for good. */
  onNack(id: number, why: string | undefined, retryMs?: number): void;
  /** Cannot be used now. *retryMs*: when the hub wants to be asked again; `Infinity` is never. */
  onLost(channel: Channel, why: string, retryMs?: number): void;
}

/** One way to a hub. */
export interface Channel {
  readonly ready: boolean;
  /** The hub wants to see spans that have begun. */
  readonly live: boolean;
  /** How many batches may be under way; none when it takes nothing now. */
  readonly window: number;
  connect(): void;
  send(batches: readonly Batch[]): void;
  /** Spans that have begun, each as JSON. */
  announce(spans: readonly string[]): void;
  /** Asks for a sign of life, because the state that the browser shows may be wrong. */
  probe(): void;
  /** *leaving*: on purpose, with nothing lost. */
  close(leaving: boolean): void;
}

/** Makes a channel; what `init` is built with. */
export type ChannelFactory = (identity: Identity, events: ChannelEvents) => Channel;
