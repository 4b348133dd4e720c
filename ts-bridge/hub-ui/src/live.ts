/**
 * The live feed: one WebSocket for the whole page, shared by every screen.
 *
 * It comes back by itself. What was missed meanwhile is not sent again, so screens watch
 * `connections` and fetch anew when it rises.
 */

import { signal } from "@preact/signals";
import type { LiveFrame, LiveItem } from "./api.ts";
import { Rates } from "./model/rates.ts";
import { toMillis } from "./model/time.ts";
import { signInAgain } from "./session.ts";

export type FeedStatus = "connecting" | "open" | "lost";

export const feedStatus = signal<FeedStatus>("connecting");

/** How often the feed has been opened: a screen that sees it rise has missed something. */
export const connections = signal(0);

/** Items that the hub had to leave out because this page was too slow for them. */
export const skippedItems = signal(0);

export const hubVersion = signal("");

const RATE_SECONDS = 60;
export const rates = new Rates(RATE_SECONDS);

type Listener = (items: readonly LiveItem[]) => void;
const listeners = new Set<Listener>();

/** Hear of everything that arrives from now on; call the answer to stop. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Milliseconds by which the hub's clock is ahead of this machine's. */
let clockLead = 0;

/** The hub's present, in unix milliseconds: running spans are measured against it. */
export function hubNow(): number {
  return Date.now() + clockLead;
}

/** What the hub closes with when the session, or its key, is no more. */
const SESSION_OVER = 4401;

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;
let failures = 0;
let timer = 0;
let socket: WebSocket | null = null;

function connect(): void {
  clearTimeout(timer);
  socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/v1/live`);
  socket.onmessage = ({ data }) => receive(JSON.parse(data as string) as LiveFrame);
  socket.onclose = ({ code }) => {
    // Refused before it opens, a socket does not say why; closed by the hub, it does.
    if (code === SESSION_OVER || failures > 0) void signInAgain();
    // The first attempt is not a loss yet; a page that cannot connect at once says so at the second.
    if (feedStatus.peek() === "open" || failures > 0) feedStatus.value = "lost";
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
    failures += 1;
    // Jitter, so that ten open pages do not all come back at the same moment.
    timer = window.setTimeout(connect, longest * (0.5 + Math.random() / 2));
  };
}

function receive(frame: LiveFrame): void {
  if (frame.k === "hello") {
    clockLead = toMillis(frame.time_unix_nano) - Date.now();
    hubVersion.value = frame.version;
    failures = 0;
    connections.value += 1;
    feedStatus.value = "open";
  } else if (frame.k === "batch") {
    skippedItems.value += frame.skipped;
    rates.add(frame.items.length + frame.skipped, Date.now());
    hand(frame.items);
  }
}

/**
 * The hub sends up to eighty times a second, and nobody reads eighty pictures a second: what comes
 * within this time is handed on together. The first after a pause is handed on at once.
 */
const TOGETHER_MS = 100;
/** Where so many come at a time that every row on screen is new each time, half as often will do. */
const FLOOD = 200;
const FLOOD_MS = 250;
/** A page in the background has its timers slowed down; it must not gather without end. */
const MOST_TOGETHER = 5000;
let gathered: LiveItem[] = [];
let handTimer = 0;

function hand(items: readonly LiveItem[]): void {
  gathered.push(...items);
  if (handTimer && gathered.length < MOST_TOGETHER) return;
  clearTimeout(handTimer);
  const together = gathered;
  gathered = [];
  for (const listener of listeners) listener(together);
  const rest = together.length > FLOOD ? FLOOD_MS : TOGETHER_MS;
  handTimer = window.setTimeout(() => {
    handTimer = 0;
    if (gathered.length > 0) hand([]);
  }, rest);
}

/** Try again at once, for someone who does not want to wait. */
export function reconnectNow(): void {
  if (feedStatus.peek() === "open") return;
  failures = 0;
  connect();
}

export function startFeed(): void {
  connect();
  // A laptop that wakes up, a network that returns: no reason to wait for the timer.
  addEventListener("online", reconnectNow);
}
