import type { Channel } from "../transports/channel.js";
import { backoff } from "./timers.js";

/** Rule 7 of the bridge protocol. */
const FAILURES_UNTIL_POST = 3;
const WAIT_UNTIL_POST_MS = 10_000;
const SOCKET_AGAIN_MS = 300_000;

/** A way to the hub, and how it fared. */
interface Route {
  readonly channel: Channel;
  /** In a row. */
  failures: number;
  /** Not to be tried before this. */
  nextTry: number;
}

/** Chooses between the socket, and POST where the socket fails or takes too long. */
export class Routes {
  readonly #post: Route;
  readonly #socket: Route | undefined;
  readonly #fallback: boolean;

  /** *fallback*: whether POST may stand in for a socket. */
  constructor(post: Channel, socket: Channel | undefined, fallback: boolean) {
    this.#post = { channel: post, failures: 0, nextTry: 0 };
    this.#socket = socket && { channel: socket, failures: 0, nextTry: 0 };
    this.#fallback = fallback;
  }

  /** The route to take now. *since*: when the oldest record that waits came. */
  choose(now: number, since: number): Route {
    const socket = this.#socket;
    if (!socket) return this.#post;
    const patient = socket.failures < FAILURES_UNTIL_POST && now - since < WAIT_UNTIL_POST_MS;
    if (socket.channel.ready || patient || !this.#fallback) return socket;
    if (now >= socket.nextTry) socket.channel.connect();
    return this.#post;
  }

  /** *channel* works. */
  recovered(channel: Channel): void {
    const route = this.#over(channel);
    route.failures = route.nextTry = 0;
  }

  /**
   * *channel* does not work now.
   *
   * @param retryMs - what the hub said; a failure when it said nothing.
   * @returns after how long something can be sent again, in milliseconds.
   */
  failed(channel: Channel, now: number, retryMs: number | undefined): number {
    const route = this.#over(channel);
    if (retryMs === undefined) route.failures++;
    const givenUp =
      route === this.#socket && this.#fallback && route.failures >= FAILURES_UNTIL_POST;
    const delay = retryMs ?? (givenUp ? SOCKET_AGAIN_MS : backoff(route.failures));
    route.nextTry = now + delay;
    return givenUp ? 0 : delay;
  }

  /** The network may be another one: everything can be tried at once. */
  forgive(): void {
    this.#post.nextTry = 0;
    if (this.#socket) this.#socket.nextTry = 0;
  }

  #over(channel: Channel): Route {
    return this.#socket?.channel === channel ? this.#socket : this.#post;
  }
}
