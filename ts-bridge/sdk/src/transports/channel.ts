import type { Batch } from "../delivery/outbox.js";

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

/** What a channel tells the delivery. */
export interface ChannelEvents {
  now(): number;
  oldest(): number;
  /** May be used now. *last*: the highest id that the hub has taken. */
  onReady(channel: Channel, last: number): void;
  onAck(id: number, rejected: number): void;
  onNack(id: number, why: string, retryMs: number | undefined): void;
  /** Cannot be used any more. */
  onLost(channel: Channel, loss: Loss): void;
}

export interface Loss {
  /** `stop`: this hub wants nothing of us; `failed`: try again; `told`: the hub said when. */
  kind: "failed" | "told" | "stop";
  why: string;
  retryMs?: number;
  /** The hub found what it was sent too large. */
  tooLarge?: boolean;
}

/** One way to a hub. */
export interface Channel {
  readonly ready: boolean;
  /** The hub wants to see spans that have begun. */
  readonly live: boolean;
  connect(): void;
  /** How much may be handed over now, given what is under way. */
  room(inFlight: { batches: number; bytes: number }): { batches: number; bytes: number };
  send(batches: readonly Batch[]): void;
  /** Spans that have begun, each as JSON. */
  announce(spans: readonly string[]): void;
  /** Asks for a sign of life, because the state that the browser shows may be wrong. */
  probe(): void;
  /** *leaving*: nothing will come after this. */
  close(leaving: boolean): void;
}

/** Makes a channel; what `init` is built with. */
export type ChannelFactory = (identity: Identity, events: ChannelEvents) => Channel;
