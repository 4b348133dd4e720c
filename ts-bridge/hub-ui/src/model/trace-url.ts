/** The Trace screen's state as it stands in the address, and back. */

import type { Patch } from "../router.ts";
import type { TimeWindow } from "./time-window.ts";
import { type Fold, NOTHING_FOLDED } from "./waterfall-rows.ts";

export type TraceTab = "waterfall" | "logs" | "agents" | "json";

const TABS: readonly TraceTab[] = ["waterfall", "logs", "agents", "json"];

export interface TraceUrl {
  readonly tab: TraceTab;
  /** Key of the selected row: `s` and a span id, or `l` and a log id. */
  readonly at: string | null;
  readonly find: string;
  readonly zoom: TimeWindow | null;
  readonly fold: Fold;
  readonly logs: boolean;
}

/** An address stays within what browsers and chats carry; more folds live only on this page. */
const FOLDS_KEPT = 60;

export function readTraceUrl(query: URLSearchParams): TraceUrl {
  return {
    tab: TABS.find((tab) => tab === query.get("tab")) ?? "waterfall",
    at: query.get("at") || null,
    find: query.get("q") ?? "",
    zoom: readWindow(query.get("z")),
    fold: readFold(query.get("level"), query.get("fold")),
    logs: query.get("logs") !== "off",
  };
}

export function writeTraceUrl(change: Partial<TraceUrl>): Patch {
  const patch: Patch = {};
  if (change.tab !== undefined) patch.tab = change.tab === "waterfall" ? null : change.tab;
  if (change.at !== undefined) patch.at = change.at;
  if (change.find !== undefined) patch.q = change.find;
  if (change.zoom !== undefined) {
    patch.z = change.zoom && `${Math.floor(change.zoom.from)}-${Math.ceil(change.zoom.to)}`;
  }
  if (change.fold !== undefined) {
    patch.level = change.fold.level === null ? null : String(change.fold.level);
    patch.fold = [...change.fold.flipped].slice(-FOLDS_KEPT).join(",");
  }
  if (change.logs !== undefined) patch.logs = change.logs ? null : "off";
  return patch;
}

function readWindow(text: string | null): TimeWindow | null {
  const match = /^(\d+)-(\d+)$/.exec(text ?? "");
  if (match === null) return null;
  const [from, to] = [Number(match[1]), Number(match[2])];
  return to > from ? { from, to } : null;
}

function readFold(level: string | null, flipped: string | null): Fold {
  if (level === null && flipped === null) return NOTHING_FOLDED;
  const depth = /^\d+$/.test(level ?? "") ? Number(level) : null;
  return { level: depth, flipped: new Set(flipped ? flipped.split(",") : []) };
}
