/** The waterfall: the tree of spans and log lines on the left, their times on the right. */

import { useEffect, useMemo, useRef } from "preact/hooks";
import type { ServiceHues } from "../../model/service-hues.ts";
import type { SpanTree } from "../../model/span-tree.ts";
import { type TimeWindow, whole } from "../../model/time-window.ts";
import type { TraceUrl } from "../../model/trace-url.ts";
import { everyRow, matchingRows, nextMatch } from "../../model/waterfall-find.ts";
import {
  type Fold,
  flattenRows,
  type Row,
  reveal,
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
import { useWaterfallCommands } from "./waterfall-commands.ts";
import { WaterfallRow } from "./waterfall-row.tsx";

const ROW_HEIGHT = 28;
const NAME_MIN = 180;
const NAME_MAX = 900;
const NO_MATCHES: ReadonlySet<string> = new Set();

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
  const matches = useMemo(
    () => (words.length === 0 ? NO_MATCHES : matchingRows(everyRow(tree, url.logs), words)),
    [tree, url.logs, words],
  );
  const view = url.zoom ?? whole(extent);
  const setView = (next: TimeWindow) =>
    change({ zoom: next.from <= 0 && next.to >= extent ? null : next });

  useRevealSelected(props, rows, list);
  useTimelineWheel(timeline, view, extent, setView);
  useWaterfallCommands({ props, rows, view, setView });

  const goToMatch = (back: boolean) => {
    const key = nextMatch(everyRow(tree, url.logs), matches, url.at, back);
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
          {words.length > 0 && <FindCount matches={matches} at={url.at} />}
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
                onSelect={() => change({ at: row.key })}
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

function FindCount(props: { matches: ReadonlySet<string>; at: string | null }) {
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
