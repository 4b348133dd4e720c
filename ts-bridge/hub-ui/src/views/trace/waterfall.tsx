/** The waterfall: the tree of spans and log lines on the left, their times on the right. */

import { useEffect, useMemo, useRef } from "preact/hooks";
import { useCommands } from "../../keys.ts";
import type { ServiceHues } from "../../model/service-hues.ts";
import { SEVERITY_ERROR, type SpanTree } from "../../model/span-tree.ts";
import { pan, type TimeWindow, whole, zoom } from "../../model/time-window.ts";
import type { TraceUrl } from "../../model/trace-url.ts";
import {
  type Fold,
  flattenRows,
  NOTHING_FOLDED,
  type Row,
  reveal,
  rowMatches,
  stepFold,
  toggleFold,
} from "../../model/waterfall-rows.ts";
import { Button, IconButton, SearchBox, Toggle } from "../../ui/controls.tsx";
import { Splitter } from "../../ui/splitter.tsx";
import { useStoredSize } from "../../ui/stored-size.ts";
import { type ListHandle, VirtualList } from "../../ui/virtual-list.tsx";
import { Minimap } from "./minimap.tsx";
import { TimeAxis } from "./time-axis.tsx";
import { useTimelineWheel } from "./timeline-wheel.ts";
import { WaterfallRow } from "./waterfall-row.tsx";

const ROW_HEIGHT = 28;
const NAME_MIN = 180;
const NAME_MAX = 900;

export interface WaterfallProps {
  readonly tree: SpanTree;
  readonly hues: ServiceHues;
  readonly url: TraceUrl;
  readonly change: (change: Partial<TraceUrl>) => void;
  /** Length of the axis in nanoseconds; grows while the trace runs. */
  readonly extent: number;
  /** The present as an offset, for spans that run. */
  readonly now: number;
}

export function Waterfall(props: WaterfallProps) {
  const { tree, hues, url, change, extent, now } = props;
  const [nameWidth, setNameWidth] = useStoredSize("waterfall-name", 430);
  const list = useRef<ListHandle | null>(null);
  const timeline = useRef<HTMLDivElement>(null);
  const rows = useMemo(() => flattenRows(tree, url.fold, url.logs), [tree, url.fold, url.logs]);
  const words = useMemo(() => url.find.toLowerCase().split(/\s+/).filter(Boolean), [url.find]);
  const matches = useMatches(tree, url.logs, words);
  const view = url.zoom ?? whole(extent);
  const setView = (next: TimeWindow) =>
    change({ zoom: next.from <= 0 && next.to >= extent ? null : next });

  const select = (row: Row | undefined) => {
    if (row) change({ at: row.key });
  };
  useRevealSelected(props, rows, list);
  useTimelineWheel(timeline, view, extent, setView);
  useWaterfallCommands({ props, rows, matches, view, setView, select });

  const goToMatch = (back: boolean) => {
    const key = nextMatch(rowsOf(tree, url.logs), matches, url.at, back);
    if (key) change({ at: key });
  };

  return (
    <div class="wf" style={{ "--name": `${nameWidth}px` }}>
      <div class="wf-tools">
        <SearchBox
          value={url.find}
          placeholder="Find in this trace"
          onChange={(find) => change({ find })}
          onEnter={goToMatch}
        >
          {words.length > 0 && <FindCount matches={matches} at={url.at} onStep={goToMatch} />}
        </SearchBox>
        <Toggle
          on={url.logs}
          onChange={(logs) => change({ logs })}
          title="Show log lines in the tree"
        >
          Logs
        </Toggle>
        <span class="grow" />
        {url.zoom && (
          <Button
            icon="zoomOut"
            onClick={() => change({ zoom: null })}
            title="Show the whole time (0)"
          >
            Whole trace
          </Button>
        )}
      </div>
      <div class="wf-head">
        <div class="wf-head-name">
          <span>Name</span>
          <span class="grow" />
          <FoldButtons fold={url.fold} depth={tree.depth} change={(fold) => change({ fold })} />
        </div>
        <Splitter
          label="Width of the names"
          size={nameWidth}
          min={NAME_MIN}
          max={NAME_MAX}
          onChange={setNameWidth}
        />
        <div class="wf-head-time" ref={timeline}>
          <Minimap tree={tree} hues={hues} extent={extent} now={now} view={view} onView={setView} />
          <TimeAxis view={view} extent={extent} onView={setView} />
        </div>
      </div>
      <VirtualList
        class="wf-list"
        role="treegrid"
        label="Spans and log lines"
        count={rows.length}
        rowHeight={ROW_HEIGHT}
        keyOf={(index) => rows[index]?.key ?? index}
        handle={list}
        active={url.at ? `row-${url.at}` : undefined}
        row={(index) => {
          const row = rows[index];
          return (
            row && (
              <WaterfallRow
                row={row}
                index={index}
                view={view}
                now={now}
                hues={hues}
                selected={row.key === url.at}
                match={words.length === 0 ? null : matches.has(row.key)}
                onSelect={() => select(row)}
                onToggle={() => {
                  if (row.type === "span")
                    change({ fold: toggleFold(url.fold, row.node.span.span_id) });
                }}
              />
            )
          );
        }}
      />
    </div>
  );
}

function FoldButtons(props: { fold: Fold; depth: number; change: (fold: Fold) => void }) {
  return (
    <>
      <IconButton
        icon="right"
        label="Fold one level more (o); all: O"
        onClick={() => props.change(stepFold(props.fold, props.depth, -1))}
      />
      <IconButton
        icon="down"
        label="Unfold one level more (p); all: P"
        onClick={() => props.change(stepFold(props.fold, props.depth, 1))}
      />
    </>
  );
}

function FindCount(props: {
  matches: ReadonlySet<string>;
  at: string | null;
  onStep: (back: boolean) => void;
}) {
  const place = props.at === null ? -1 : [...props.matches].indexOf(props.at);
  const text =
    props.matches.size === 0
      ? "nothing found"
      : place < 0
        ? `${props.matches.size} found`
        : `${place + 1} of ${props.matches.size}`;
  return (
    <span class="find-count" aria-live="polite">
      {text}
    </span>
  );
}

/** All rows as if nothing was folded: what finding looks through. */
function rowsOf(tree: SpanTree, withLogs: boolean): Row[] {
  return flattenRows(tree, NOTHING_FOLDED, withLogs);
}

function useMatches(tree: SpanTree, withLogs: boolean, words: readonly string[]): Set<string> {
  return useMemo(() => {
    if (words.length === 0) return new Set<string>();
    const found = rowsOf(tree, withLogs).filter((row) => rowMatches(row, words));
    return new Set(found.map((row) => row.key));
  }, [tree, withLogs, words]);
}

/** The match after (or before) the selected row, going round at the end. */
function nextMatch(
  all: readonly Row[],
  matches: ReadonlySet<string>,
  at: string | null,
  back: boolean,
): string | null {
  const selected = all.findIndex((row) => row.key === at);
  // With nothing selected the search begins before the first row, or behind the last.
  const start = selected < 0 && back ? all.length : selected;
  for (let step = 1; step <= all.length; step += 1) {
    const index = (start + (back ? -step : step) + all.length * 2) % all.length;
    const key = all[index]?.key;
    if (key !== undefined && matches.has(key)) return key;
  }
  return null;
}

/** Bring the selected row into view when the selection changes, unfolding what hides it. */
function useRevealSelected(
  { tree, url, change }: WaterfallProps,
  rows: readonly Row[],
  list: { current: ListHandle | null },
): void {
  const shown = useRef<string | null>(null);
  const index = url.at === null ? -1 : rows.findIndex((row) => row.key === url.at);
  useEffect(() => {
    if (url.at === null || url.at === shown.current) return;
    if (index >= 0) {
      // Coming from a link the row should stand in the middle; stepping moves as little as needed.
      if (shown.current === null) list.current?.center(index);
      else list.current?.reveal(index);
      shown.current = url.at;
      return;
    }
    const hidden = nodeOf(tree, url.at);
    if (hidden) change({ fold: reveal(url.fold, hidden) });
  }, [url.at, index]);
}

function nodeOf(tree: SpanTree, key: string) {
  if (key.startsWith("s")) return tree.byId.get(key.slice(1));
  const holder = tree.order.find((node) => node.logs.some((log) => `l${log.id}` === key));
  // A log line is hidden by its own span too, which `reveal` only looks above of.
  return holder && { ...holder, parent: holder };
}

interface CommandContext {
  readonly props: WaterfallProps;
  readonly rows: readonly Row[];
  readonly matches: ReadonlySet<string>;
  readonly view: TimeWindow;
  readonly setView: (view: TimeWindow) => void;
  readonly select: (row: Row | undefined) => void;
}

const PAGE_ROWS = 12;

function useWaterfallCommands(context: CommandContext): void {
  const { props, rows, view, setView, select } = context;
  const { url, change, tree, extent } = props;
  const last = useRef(0);
  const current = rows.findIndex((row) => row.key === url.at);
  if (current >= 0) last.current = current;

  const move = (step: number) => {
    const from = current >= 0 ? current : Math.max(0, last.current) - Math.sign(step);
    select(rows[Math.min(rows.length - 1, Math.max(0, from + step))]);
  };
  const row = rows[current];
  const fold = () => {
    if (row?.type === "span" && row.foldable && !row.folded) {
      change({ fold: toggleFold(url.fold, row.node.span.span_id) });
    } else if (row) {
      const parent = row.type === "span" ? row.node.parent : row.node;
      if (parent) change({ at: `s${parent.span.span_id}` });
    }
  };
  const unfold = () => {
    if (row?.type !== "span" || !row.foldable) return;
    if (row.folded) change({ fold: toggleFold(url.fold, row.node.span.span_id) });
    else move(1);
  };
  const toError = (back: boolean) => {
    const all = rowsOf(tree, url.logs);
    const bad = new Set(all.filter(isError).map(({ key }) => key));
    const key = nextMatch(all, bad, url.at, back);
    if (key) change({ at: key });
  };
  const middle = (view.from + view.to) / 2;

  useCommands("Waterfall", [
    { keys: ["j", "ArrowDown"], label: "Next row", run: () => move(1) },
    { keys: ["k", "ArrowUp"], label: "Previous row", run: () => move(-1) },
    { keys: ["ArrowRight"], label: "Unfold, or into the span", run: unfold },
    { keys: ["ArrowLeft"], label: "Fold, or out to the parent", run: fold },
    { keys: ["PageDown"], label: "Twelve rows down", run: () => move(PAGE_ROWS), quiet: true },
    { keys: ["PageUp"], label: "Twelve rows up", run: () => move(-PAGE_ROWS), quiet: true },
    { keys: ["Home"], label: "First row", run: () => select(rows[0]), quiet: true },
    { keys: ["End"], label: "Last row", run: () => select(rows.at(-1)), quiet: true },
    { keys: ["Enter"], label: "Open the details", run: () => current < 0 && move(1) },
    { keys: ["e"], label: "Next error", run: () => toError(false) },
    { keys: ["E"], label: "Previous error", run: () => toError(true) },
    {
      keys: ["o"],
      label: "Fold one level more",
      run: () => change({ fold: stepFold(url.fold, tree.depth, -1) }),
    },
    {
      keys: ["p"],
      label: "Unfold one level more",
      run: () => change({ fold: stepFold(url.fold, tree.depth, 1) }),
    },
    {
      keys: ["O"],
      label: "Fold all",
      run: () => change({ fold: { level: 0, flipped: new Set() } }),
    },
    { keys: ["P"], label: "Unfold all", run: () => change({ fold: NOTHING_FOLDED }) },
    {
      keys: ["w", "+"],
      label: "Closer in time",
      run: () => setView(zoom(view, extent, 0.6, middle)),
    },
    {
      keys: ["s", "-"],
      label: "Wider in time",
      run: () => setView(zoom(view, extent, 1 / 0.6, middle)),
    },
    { keys: ["a"], label: "Earlier", run: () => setView(pan(view, extent, -0.2)) },
    { keys: ["d"], label: "Later", run: () => setView(pan(view, extent, 0.2)) },
    { keys: ["0"], label: "Whole trace", run: () => change({ zoom: null }) },
  ]);
}

function isError(row: Row): boolean {
  return row.type === "span"
    ? row.node.span.status === "error"
    : row.log.severity_number >= SEVERITY_ERROR;
}
