/** What a hub says; the fields that this client reads. docs/reference/bridge-protocol.md */
export interface ServerFrame {
  k?: string;
  /** `ready` */
  last?: number;
  window?: number;
  max_bytes?: number;
  ping_s?: number;
  live?: boolean;
  /** `ack` and `nack` */
  id?: number;
  rejected?: number;
  message?: string;
  why?: string;
  retry_ms?: number;
  fatal?: boolean;
  /** `slow` */
  for_ms?: number;
}

/** Reads one message of a hub; a frame without a kind when it is none. */
export function readFrame(text: unknown): ServerFrame {
  try {
    return Object(JSON.parse(text as string));
  } catch {
    return {}; // an answer of something that is no hub
  }
}

export const SUBPROTOCOL = "otbridge.v1.json";
