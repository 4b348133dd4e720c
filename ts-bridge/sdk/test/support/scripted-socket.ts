import type { SocketLike } from "../../src/transports/websocket.js";

// biome-ignore lint/suspicious/noExplicitAny: frames are what a transcript says they are
export type Frame = any;

/** Every socket that was opened, in order. */
export const sockets: ScriptedSocket[] = [];

/** A WebSocket whose other end is a test. */
export class ScriptedSocket implements SocketLike {
  readyState = 0;
  bufferedAmount = 0;
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  closedWith: number | undefined;
  #frames: Frame[] = [];

  constructor() {
    sockets.push(this);
  }

  // What the bridge does

  send(data: string): void {
    this.#frames.push(JSON.parse(data));
  }

  close(code = 1000): void {
    this.readyState = 3;
    this.closedWith = code;
  }

  // What the test does

  accept(): void {
    this.readyState = 1;
    this.onopen?.({} as never);
  }

  receive(frame: Frame): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) } as never);
  }

  drop(code: number, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason } as never);
  }

  /** Frames that were not looked at. */
  unread(): readonly Frame[] {
    return this.#frames;
  }

  read(): Frame {
    return this.#frames.shift();
  }

  skip(kind: string): void {
    this.#frames = this.#frames.filter((frame) => frame.k !== kind);
  }
}
