/** What the keys do in the waterfall. */

import { useRef } from "preact/hooks";
import { type Command, useCommands } from "../../keys.ts";
import { pan, type TimeWindow, zoom } from "../../model/time-window.ts";
import { everyRow, failedRows, nextMatch } from "../../model/waterfall-find.ts";
import { NOTHING_FOLDED, type Row, stepFold, toggleFold } from "../../model/waterfall-rows.ts";
import type { WaterfallProps } from "./waterfall.tsx";

interface Context {
  readonly props: WaterfallProps;
  /** The rows on screen, those folded away left out. */
  readonly rows: readonly Row[];
  readonly view: TimeWindow;
  readonly setView: (view: TimeWindow) => void;
}

const PAGE_ROWS = 12;
/** How much one press widens or narrows the time in view, and moves it. */
const ZOOM_STEP = 0.6;
const PAN_STEP = 0.2;

export function useWaterfallCommands(context: Context): void {
  const current = context.rows.findIndex(({ key }) => key === context.props.url.at);
  // When the details are closed, stepping goes on from where they were.
  const last = useRef(0);
  if (current >= 0) last.current = current;
  useCommands("Waterfall", [
    ...steps(context, current, last.current),
    ...folding(context, current),
    ...timing(context),
  ]);
}

function steps({ props, rows }: Context, current: number, last: number): Command[] {
  const { url, change, tree } = props;
  const select = (row: Row | undefined) => {
    if (row) change({ at: row.key });
  };
  const move = (step: number) => {
    const from = current >= 0 ? current : last - Math.sign(step);
    select(rows[Math.min(rows.length - 1, Math.max(0, from + step))]);
  };
  const toError = (back: boolean) => {
    const all = everyRow(tree, url.logs);
    const key = nextMatch(all, failedRows(all), url.at, back);
    if (key) change({ at: key });
  };
  return [
    { keys: ["j", "ArrowDown"], label: "Next row", run: () => move(1) },
    { keys: ["k", "ArrowUp"], label: "Previous row", run: () => move(-1) },
    { keys: ["PageDown"], label: "Twelve rows down", run: () => move(PAGE_ROWS), quiet: true },
    { keys: ["PageUp"], label: "Twelve rows up", run: () => move(-PAGE_ROWS), quiet: true },
    { keys: ["Home"], label: "First row", run: () => select(rows[0]), quiet: true },
    { keys: ["End"], label: "Last row", run: () => select(rows.at(-1)), quiet: true },
    { keys: ["Enter"], label: "Open the details", run: () => current < 0 && move(1) },
    { keys: ["e"], label: "Next error", run: () => toError(false) },
    { keys: ["E"], label: "Previous error", run: () => toError(true) },
  ];
}

function folding({ props, rows }: Context, current: number): Command[] {
  const { url, change, tree } = props;
  const row = rows[current];
  const toggle = (spanId: string) => change({ fold: toggleFold(url.fold, spanId) });
  const inward = () => {
    if (row?.type !== "span" || !row.foldable) return;
    if (row.folded) toggle(row.node.span.span_id);
    else change({ at: rows[current + 1]?.key ?? url.at });
  };
  const outward = () => {
    if (row?.type === "span" && row.foldable && !row.folded) {
      toggle(row.node.span.span_id);
      return;
    }
    const parent = row?.type === "span" ? row.node.parent : row?.node;
    if (parent) change({ at: `s${parent.span.span_id}` });
  };
  const step = (by: 1 | -1) => change({ fold: stepFold(url.fold, tree.depth, by) });
  const foldAll = () => change({ fold: { level: 0, flipped: new Set() } });
  return [
    { keys: ["ArrowRight"], label: "Unfold, or into the span", run: inward },
    { keys: ["ArrowLeft"], label: "Fold, or out to the parent", run: outward },
    { keys: ["o"], label: "Fold one level more", run: () => step(-1) },
    { keys: ["p"], label: "Unfold one level more", run: () => step(1) },
    { keys: ["O"], label: "Fold all", run: foldAll },
    { keys: ["P"], label: "Unfold all", run: () => change({ fold: NOTHING_FOLDED }) },
  ];
}

function timing({ props, view, setView }: Context): Command[] {
  const { extent, change } = props;
  const scale = (factor: number) => {
    setView(zoom(view, extent, factor, (view.from + view.to) / 2));
  };
  const shift = (share: number) => setView(pan(view, extent, share));
  return [
    { keys: ["w", "+"], label: "Closer in time", run: () => scale(ZOOM_STEP) },
    { keys: ["s", "-"], label: "Wider in time", run: () => scale(1 / ZOOM_STEP) },
    { keys: ["a"], label: "Earlier", run: () => shift(-PAN_STEP) },
    { keys: ["d"], label: "Later", run: () => shift(PAN_STEP) },
    { keys: ["0"], label: "Whole trace", run: () => change({ zoom: null }) },
  ];
}
