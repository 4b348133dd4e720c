/**
 * Spans and their log lines as one tree.
 *
 * It has to make sense of whatever arrives: parents that have not come yet or never will, spans
 * that are their own ancestor, logs of unknown spans. Nothing is dropped and nothing recurses, so
 * a chain of ten thousand spans is as safe as a flat list.
 */

import type { Log, Span, TimeNano } from "../api.ts";
import { compareTime, offsetNano } from "./time.ts";

/** Why a span stands at the top although it names a parent. */
export type Broken = "orphan" | "cycle";

export interface SpanNode {
  readonly span: Span;
  parent: SpanNode | null;
  readonly children: SpanNode[];
  readonly logs: Log[];
  depth: number;
  /** Nanoseconds from the trace's start. */
  readonly start: number;
  /** Nanoseconds from the trace's start; null while the span runs. */
  readonly end: number | null;
  broken: Broken | null;
  /** Spans and log lines below it, at every depth. */
  below: number;
  /** Whether something below it failed: a folded row has to say so. */
  errorBelow: boolean;
}

export interface SpanTree {
  readonly roots: SpanNode[];
  readonly byId: ReadonlyMap<string, SpanNode>;
  /** Log lines that belong to the trace and to none of its spans, in time order. */
  readonly looseLogs: Log[];
  /** All spans, parents before children, siblings in start order. */
  readonly order: SpanNode[];
  /** Unix nanoseconds of the earliest thing in the trace; offsets count from it. */
  readonly base: TimeNano;
  /** Offset of the latest thing known to have happened. */
  readonly extent: number;
  /** Deepest level, counted from 0. */
  readonly depth: number;
}

/** ERROR and above in OpenTelemetry's numbering. */
export const SEVERITY_ERROR = 17;

export function buildSpanTree(spans: readonly Span[], logs: readonly Log[]): SpanTree {
  const base = earliest(spans, logs);
  const byId = new Map<string, SpanNode>();
  for (const span of spans) byId.set(span.span_id, newNode(span, base));
  const nodes = [...byId.values()].sort(byStart);

  const roots = attach(nodes, byId);
  const order = breakCycles(roots, nodes);
  const looseLogs = attachLogs(logs, byId);
  countBelow(order);

  let extent = 0;
  let depth = 0;
  for (const node of order) {
    extent = Math.max(extent, node.end ?? node.start);
    depth = Math.max(depth, node.depth);
  }
  for (const log of logs) extent = Math.max(extent, offsetNano(log.time_unix_nano, base));
  return { roots, byId, looseLogs, order, base, extent, depth };
}

function earliest(spans: readonly Span[], logs: readonly Log[]): TimeNano {
  let base: TimeNano | null = null;
  for (const span of spans) {
    if (base === null || compareTime(span.start_time_unix_nano, base) < 0) {
      base = span.start_time_unix_nano;
    }
  }
  // A log line without a clock of its own may lie before all spans; but zero is "no time known".
  for (const log of logs) {
    if (log.time_unix_nano === "0") continue;
    if (base === null || compareTime(log.time_unix_nano, base) < 0) base = log.time_unix_nano;
  }
  return base ?? "0";
}

function newNode(span: Span, base: TimeNano): SpanNode {
  const start = offsetNano(span.start_time_unix_nano, base);
  return {
    span,
    parent: null,
    children: [],
    logs: [],
    depth: 0,
    start,
    end: span.duration_nano === null ? null : start + Math.max(0, span.duration_nano),
    broken: null,
    below: 0,
    errorBelow: false,
  };
}

/** Start order; of two that start together the longer one comes first, as it may hold the other. */
function byStart(a: SpanNode, b: SpanNode): number {
  return (
    a.start - b.start ||
    (b.end ?? Number.MAX_VALUE) - (a.end ?? Number.MAX_VALUE) ||
    (a.span.span_id < b.span.span_id ? -1 : 1)
  );
}

function attach(nodes: readonly SpanNode[], byId: ReadonlyMap<string, SpanNode>): SpanNode[] {
  const roots: SpanNode[] = [];
  for (const node of nodes) {
    const parentId = node.span.parent_span_id;
    const parent = parentId === null ? undefined : byId.get(parentId);
    if (parent !== undefined && parent !== node) {
      node.parent = parent;
      parent.children.push(node);
      continue;
    }
    if (parent === node) node.broken = "cycle";
    else if (parentId !== null) node.broken = "orphan";
    roots.push(node);
  }
  return roots;
}

/**
 * Walk the tree from its roots, set depths, and return the walk's order. Spans that no root
 * reaches are in a loop or below one: the earliest of them is cut from its parent, marked, and
 * walked as a further root, until all have been reached.
 */
function breakCycles(roots: SpanNode[], nodes: readonly SpanNode[]): SpanNode[] {
  const order: SpanNode[] = [];
  const reached = new Set<SpanNode>();
  for (const root of roots) walk(root, order, reached);
  for (const node of nodes) {
    if (reached.has(node)) continue;
    const inLoop = loopMember(node);
    const siblings = inLoop.parent?.children;
    siblings?.splice(siblings.indexOf(inLoop), 1);
    inLoop.parent = null;
    inLoop.broken = "cycle";
    roots.push(inLoop);
    walk(inLoop, order, reached);
  }
  roots.sort(byStart);
  return order;
}

/** The earliest member of the loop that `node` hangs on (which `node` itself may be outside of). */
function loopMember(node: SpanNode): SpanNode {
  const seen = new Set<SpanNode>();
  let current = node;
  while (!seen.has(current) && current.parent !== null) {
    seen.add(current);
    current = current.parent;
  }
  let first = current;
  for (let other = current.parent; other !== null && other !== current; other = other.parent) {
    if (byStart(other, first) < 0) first = other;
  }
  return first;
}

function walk(root: SpanNode, order: SpanNode[], reached: Set<SpanNode>): void {
  const stack = [root];
  while (stack.length > 0) {
    const node = stack.pop() as SpanNode;
    reached.add(node);
    node.depth = node.parent === null ? 0 : node.parent.depth + 1;
    order.push(node);
    for (let index = node.children.length - 1; index >= 0; index -= 1) {
      stack.push(node.children[index] as SpanNode);
    }
  }
}

function attachLogs(logs: readonly Log[], byId: ReadonlyMap<string, SpanNode>): Log[] {
  const loose: Log[] = [];
  const sorted = [...logs].sort((a, b) => compareTime(a.time_unix_nano, b.time_unix_nano));
  for (const log of sorted) {
    const node = log.span_id === null ? undefined : byId.get(log.span_id);
    if (node === undefined) loose.push(log);
    else node.logs.push(log);
  }
  return loose;
}

function countBelow(order: readonly SpanNode[]): void {
  // Parents come before children, so backwards each node is complete when its parent takes it.
  for (let index = order.length - 1; index >= 0; index -= 1) {
    const node = order[index] as SpanNode;
    node.below += node.logs.length;
    if (node.logs.some((log) => log.severity_number >= SEVERITY_ERROR)) node.errorBelow = true;
    if (node.parent === null) continue;
    node.parent.below += node.below + 1;
    if (node.errorBelow || node.span.status === "error") node.parent.errorBelow = true;
  }
}

/** Nanoseconds of a span's own: its time less what at least one child was running in. */
export function selfTime(node: SpanNode, now: number): number {
  const end = node.end ?? now;
  let covered = 0;
  let reach = node.start;
  for (const child of node.children) {
    const from = Math.max(child.start, reach);
    const to = Math.min(child.end ?? now, end);
    if (to > from) {
      covered += to - from;
      reach = to;
    }
  }
  return Math.max(0, end - node.start - covered);
}
