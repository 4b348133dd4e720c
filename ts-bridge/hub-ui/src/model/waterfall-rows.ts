/** The rows of a waterfall: the tree flattened, with log lines at their moment among the spans. */

import type { Log } from "../api.ts";
import type { SpanNode, SpanTree } from "./span-tree.ts";
import { offsetNano } from "./time.ts";

/**
 * What is folded: everything at `level` and deeper (null: nothing), except the spans in `flipped`,
 * for which it is the other way round. So "fold all but these" stays as short as "fold these".
 */
export interface Fold {
  readonly level: number | null;
  readonly flipped: ReadonlySet<string>;
}

export const NOTHING_FOLDED: Fold = { level: null, flipped: new Set() };

/** Levels beyond this are drawn at the same indent: the name must keep some room. */
export const MAX_INDENT = 24;

interface RowPlace {
  /** Unique within the trace and stable while it grows. */
  readonly key: string;
  /** Indent in levels, at most {@link MAX_INDENT}. */
  readonly indent: number;
  /** Bit n: a vertical line runs through at indent n, since an ancestor there has more below. */
  readonly guides: number;
  /** Whether it is the last of its siblings, so that its connector ends here. */
  readonly last: boolean;
}

export interface SpanRow extends RowPlace {
  readonly type: "span";
  readonly node: SpanNode;
  readonly foldable: boolean;
  readonly folded: boolean;
}

export interface LogRow extends RowPlace {
  readonly type: "log";
  readonly log: Log;
  /** The span it was written in; null where it is of none, or of one that has not come. */
  readonly node: SpanNode | null;
  /** Nanoseconds from the trace's start. */
  readonly at: number;
}

export type Row = SpanRow | LogRow;

export function isFolded(node: SpanNode, fold: Fold): boolean {
  const byLevel = fold.level !== null && node.depth >= fold.level;
  return byLevel !== fold.flipped.has(node.span.span_id);
}

export function toggleFold(fold: Fold, spanId: string): Fold {
  const flipped = new Set(fold.flipped);
  if (!flipped.delete(spanId)) flipped.add(spanId);
  return { level: fold.level, flipped };
}

/** Fold one level more (`step` -1) or less (`step` 1) of a tree that is `depth` levels deep. */
export function stepFold(fold: Fold, depth: number, step: 1 | -1): Fold {
  const level = (fold.level ?? depth) + step;
  return { level: level >= depth ? null : Math.max(0, level), flipped: new Set() };
}

/** Unfold whatever hides the span. */
export function reveal(fold: Fold, node: SpanNode): Fold {
  let revealed = fold;
  for (let above = node.parent; above !== null; above = above.parent) {
    if (isFolded(above, revealed)) revealed = toggleFold(revealed, above.span.span_id);
  }
  return revealed;
}

type Item = { span: SpanNode } | { log: Log; node: SpanNode | null };

interface Level {
  readonly items: readonly Item[];
  next: number;
  readonly indent: number;
  readonly guides: number;
}

export function flattenRows(tree: SpanTree, fold: Fold, withLogs: boolean): Row[] {
  const rows: Row[] = [];
  const top = interleave(tree.roots, withLogs ? tree.looseLogs : [], null, tree.base);
  const stack: Level[] = [{ items: top, next: 0, indent: 0, guides: 0 }];
  while (stack.length > 0) {
    const level = stack[stack.length - 1] as Level;
    const item = level.items[level.next];
    if (item === undefined) {
      stack.pop();
      continue;
    }
    level.next += 1;
    const place = {
      indent: level.indent,
      guides: level.guides,
      last: level.next === level.items.length,
    };
    if ("log" in item) {
      const at = offsetNano(item.log.time_unix_nano, tree.base);
      rows.push({
        type: "log",
        key: `l${item.log.id}`,
        log: item.log,
        node: item.node,
        at,
        ...place,
      });
    } else {
      stack.push(...spanRow(rows, item.span, fold, withLogs, tree.base, place));
    }
  }
  return rows;
}

/** Append the span's row and return the level below it, when there is one to show. */
function spanRow(
  rows: Row[],
  node: SpanNode,
  fold: Fold,
  withLogs: boolean,
  base: string,
  place: { indent: number; guides: number; last: boolean },
): Level[] {
  const items = interleave(node.children, withLogs ? node.logs : [], node, base);
  const folded = items.length > 0 && isFolded(node, fold);
  rows.push({
    type: "span",
    key: `s${node.span.span_id}`,
    node,
    foldable: items.length > 0,
    folded,
    ...place,
  });
  if (folded || items.length === 0) return [];
  // The line of this level goes on below while this span has siblings to come.
  const guides = place.last ? place.guides : place.guides | (1 << place.indent);
  const indent = Math.min(place.indent + 1, MAX_INDENT);
  return [{ items, next: 0, indent, guides }];
}

function interleave(
  spans: readonly SpanNode[],
  logs: readonly Log[],
  node: SpanNode | null,
  base: string,
): Item[] {
  const items: Item[] = [];
  let nextLog = 0;
  const logsUntil = (moment: number) => {
    for (; nextLog < logs.length; nextLog += 1) {
      const log = logs[nextLog] as Log;
      if (offsetNano(log.time_unix_nano, base) >= moment) return;
      items.push({ log, node });
    }
  };
  for (const span of spans) {
    logsUntil(span.start);
    items.push({ span });
  }
  logsUntil(Number.POSITIVE_INFINITY);
  return items;
}

/** Whether a row has all of the words (lower case) in its name, body, service or attributes. */
export function rowMatches(row: Row, words: readonly string[]): boolean {
  if (words.length === 0) return false;
  const text = row.type === "span" ? spanText(row.node) : logText(row.log);
  return words.every((word) => text.includes(word));
}

function spanText({ span }: SpanNode): string {
  return `${span.name} ${span.service} ${span.status_message} ${JSON.stringify(span.attributes)}`.toLowerCase();
}

function logText(log: Log): string {
  return `${JSON.stringify(log.body)} ${log.service} ${log.scope.name} ${JSON.stringify(log.attributes)}`.toLowerCase();
}
