/** What the Live screen shows, gathered from the moment the page is opened, whatever is on screen. */

import { signal } from "@preact/signals";
import { api, type LiveItem, type Log, type Span, type TraceSummary } from "../../api.ts";
import { listen } from "../../live.ts";
import { LiveBuffer, type LiveRow } from "../../model/live-buffer.ts";
import { compareTime } from "../../model/time.ts";

/** Rows kept; older ones are in Traces and Logs. */
const LIMIT = 5000;
/** Records of the past that a freshly opened page begins with. */
const EARLIER_LOGS = 100;
const EARLIER_TRACES = 40;

const buffer = new LiveBuffer(LIMIT);

export const rows = signal<readonly LiveRow[]>([]);
export const forgotten = signal(0);
export const waiting = signal(0);
/** Whether the past has been asked for and answered: before that, "nothing yet" is not known. */
export const primed = signal(false);

/** `scroll`: paused by reading further up, and resumed by coming back to the end. */
export type Paused = "no" | "hand" | "scroll";
export const paused = signal<Paused>("no");

function publish(): void {
  rows.value = buffer.rows;
  forgotten.value = buffer.forgotten;
  waiting.value = buffer.waitingCount;
}

function take(items: readonly LiveItem[]): void {
  // Senders report at their own pace; what arrives together is put in its order.
  const sorted = [...items].sort((a, b) => compareTime(timeOf(a), timeOf(b)));
  if (paused.peek() === "no") buffer.append(sorted);
  else buffer.hold(sorted);
  publish();
}

export function pause(how: "hand" | "scroll"): void {
  if (paused.peek() === "no") paused.value = how;
}

export function resume(): void {
  paused.value = "no";
  buffer.resume();
  publish();
}

export function clear(): void {
  buffer.clear();
  publish();
}

/** Begin to gather; called once, when the page starts. */
export function startStream(): void {
  const early: LiveItem[] = [];
  let stop = listen((items) => early.push(...items));
  // The past goes before what arrives while it is being fetched.
  void earlier().then((past) => {
    stop();
    const known = new Set(early.map(identity));
    buffer.append(
      past.filter((item) => !known.has(identity(item))),
      true,
    );
    take(early);
    primed.value = true;
    stop = listen(take);
  });
}

function identity(item: LiveItem): string {
  return item.t === "log" ? item.id : `${item.t} ${item.span_id}`;
}

/** The latest logs and roots of traces, oldest first; nothing where the hub does not answer. */
async function earlier(): Promise<LiveItem[]> {
  const [logs, traces] = await Promise.allSettled([
    api.logs({ limit: EARLIER_LOGS }),
    api.traces({ limit: EARLIER_TRACES }),
  ]);
  const items: LiveItem[] = [];
  if (logs.status === "fulfilled") items.push(...logs.value.rows.map(asItem));
  if (traces.status === "fulfilled") items.push(...traces.value.rows.flatMap(rootItem));
  return items.sort((a, b) => compareTime(timeOf(a), timeOf(b)));
}

function asItem(log: Log): LiveItem {
  return { t: "log", ...log };
}

/** A trace in the past as the end of its root span: the list tells no more of it. */
function rootItem(trace: TraceSummary): LiveItem[] {
  if (trace.root === null || trace.state === "open") return [];
  const span: Span = {
    trace_id: trace.trace_id,
    span_id: trace.root.span_id,
    parent_span_id: null,
    name: trace.root.name,
    kind: trace.root.kind,
    service: trace.root.service,
    scope: { name: "", version: "" },
    start_time_unix_nano: trace.start_time_unix_nano,
    duration_nano: trace.duration_nano,
    state: trace.state === "lost" ? "lost" : "ended",
    status: trace.error_count > 0 ? "error" : "unset",
    status_message: "",
    attributes: {},
    events: [],
    links: [],
    genai: null,
  };
  return [{ t: "span", ...span }];
}

/** When an item happened: a log's own time, a span's start, or its end. */
export function timeOf(item: LiveItem): string {
  if (item.t === "log") return item.time_unix_nano;
  if (item.t === "start") return item.start_time_unix_nano;
  return String(BigInt(item.start_time_unix_nano) + BigInt(Math.round(item.duration_nano ?? 0)));
}
