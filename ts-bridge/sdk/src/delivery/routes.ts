import type { Channel, Connection } from "../transports/channel.js";
import { backoff } from "./timers.js";

/** Rule 7 of the bridge protocol. */
const FAILURES_UNTIL_POST = 3;
const WAIT_UNTIL_POST_MS = 10_000;
const SOCKET_AGAIN_MS = 300_000;

/** Chooses between the socket, and POST where the socket fails or takes too long. */
export interface Routes {
  /** The channel to use now. *since*: when the oldest record that waits came. */
  _choose(now: number, since: number): Channel;
  /**
   * *channel* does not work now.
   *
   * @param retryMs - what the hub said; a failure when it said nothing.
   * @returns after how long something can be sent again, in milliseconds.
   */
  _failed(channel: Channel, now: number, retryMs: number | undefined): number;
}

/** *fallback*: whether POST may stand in for a socket. */
export function makeRoutes(
  post: Channel,
  socket: Connection | undefined,
  fallback: boolean,
): Routes {
  const hopeless = ({ _failures }: Channel) => fallback && _failures >= FAILURES_UNTIL_POST;
  return {
    _choose(now, since) {
      if (!socket) return post;
      const late = fallback && now - since >= WAIT_UNTIL_POST_MS;
      if (socket._ready || !(late || hopeless(socket))) return socket;
      if (now >= socket._nextTry) socket._connect();
      return post;
    },
    _failed(channel, now, retryMs) {
      if (retryMs === undefined) channel._failures++;
      const givenUp = channel === socket && hopeless(channel);
      const delay = retryMs ?? (givenUp ? SOCKET_AGAIN_MS : backoff(channel._failures));
      channel._nextTry = now + delay;
      return givenUp ? 0 : delay;
    },
  };
}
