import { unixNow } from "../clock.js";
import type { Batch } from "../delivery/outbox.js";
import { SDK_NAME, VERSION } from "../version.js";
import { type KeyValue, toJson } from "../wire/values.js";

/** Who speaks; goes into `hello` and into every POST. */
export interface Identity {
  /** The hub, or where the bridge is mounted; without a slash at its end. */
  readonly _base: string;
  /** 32 hex digits. */
  readonly _stream: string;
  readonly _resource: readonly KeyValue[];
  readonly _token: (() => string | Promise<string>) | undefined;
}

/** JSON of what `hello` and a POST have in common, and of *more* before it. */
export function introduction(
  { _stream, _resource }: Identity,
  oldest: number,
  token: string | undefined,
  more?: object,
): string {
  return toJson({
    ...more,
    v: 1,
    stream: _stream,
    resource: _resource,
    sdk: { name: SDK_NAME, version: VERSION },
    clock: unixNow(),
    oldest,
    token: token || undefined,
  });
}

/** What a channel tells the delivery. */
export interface ChannelEvents {
  /** The lowest id that may still come. */
  _oldest(): number;
  /** May be used now. *last*: the highest id that the hub has taken. */
  _onReady(channel: Channel, last: number): void;
  _onAck(id: number, rejected?: number): void;
  /** Without *retryMs* the batch was refused for good. */
  _onNack(id: number, why: string | undefined, retryMs?: number): void;
  /** Cannot be used now. *retryMs*: when the hub wants to be asked again; `Infinity` is never. */
  _onLost(channel: Channel, why: string, retryMs?: number): void;
}

/** One way to a hub. */
export interface Channel {
  readonly _ready: boolean;
  /** The hub wants to see spans that have begun. */
  readonly _live: boolean;
  /** How many batches may be under way; none when it takes nothing now. */
  readonly _window: number;
  /** In a row; counted by the delivery. */
  _failures: number;
  /** Not to be tried before this; set by the delivery. */
  _nextTry: number;
  /** *open*: spans that have begun, each as JSON. */
  _send(batches: readonly Batch[], open: readonly string[]): void;
}

/** A channel that has to be opened, and may break. */
export interface Connection extends Channel {
  _connect(): void;
  /** Asks for a sign of life, because the state that the browser shows may be wrong. */
  _probe(): void;
  /** *leaving*: on purpose, with nothing lost. */
  _close(leaving: boolean): void;
}

/** Makes a connection; what `init` is built with. */
export type Connector = (identity: Identity, events: ChannelEvents) => Connection;
