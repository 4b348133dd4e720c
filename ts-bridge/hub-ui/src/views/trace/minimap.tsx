/** The whole trace in forty pixels, with the part in view as a window that can be dragged. */

import { useEffect, useRef } from "preact/hooks";
import type { ServiceHues } from "../../model/service-hues.ts";
import type { SpanTree } from "../../model/span-tree.ts";
import { between, isWhole, type TimeWindow } from "../../model/time-window.ts";
import { coloursChanged } from "../../theme.ts";

const HEIGHT = 40;
const LONGEST_ROWS = 4;
/** How near to an edge of the window a press takes hold of that edge. */
const EDGE_PX = 7;

interface MinimapProps {
  tree: SpanTree;
  hues: ServiceHues;
  extent: number;
  now: number;
  view: TimeWindow;
  onView: (view: TimeWindow) => void;
}

type Grip = { mode: "new" | "from" | "to" | "move"; at: number; view: TimeWindow };

export function Minimap(props: MinimapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const grip = useRef<Grip | null>(null);
  const { tree, hues, extent, view, onView } = props;
  const colours = coloursChanged.value;
  // While a trace runs the picture is renewed ten times a second, not at every frame.
  const moment = Math.round(props.now / 1e8);

  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const redraw = () => draw(element, tree, hues, extent, props.now);
    redraw();
    const observer = new ResizeObserver(redraw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [tree, extent, moment, colours]);

  const momentOf = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const box = event.currentTarget.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * extent;
  };
  const left = (view.from / extent) * 100;
  const right = 100 - (view.to / extent) * 100;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a pointer's shortcut for what keys do, see waterfall.tsx
    <div
      class="minimap"
      title="Drag to zoom, drag the window to move"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        const at = momentOf(event);
        const edge = (EDGE_PX / event.currentTarget.clientWidth) * extent;
        grip.current = { mode: modeAt(at, view, edge, extent), at, view };
      }}
      onPointerMove={(event) => {
        if (grip.current) onView(dragged(grip.current, momentOf(event), extent));
      }}
      onPointerUp={() => {
        grip.current = null;
      }}
      onDblClick={() => onView({ from: 0, to: extent })}
    >
      <canvas ref={canvas} class="minimap-canvas" />
      {!isWhole(view, extent) && (
        <>
          <span class="minimap-out" style={{ left: "0", width: `${left}%` }} />
          <span class="minimap-out" style={{ right: "0", width: `${right}%` }} />
          <span class="minimap-view" style={{ left: `${left}%`, right: `${right}%` }} />
        </>
      )}
    </div>
  );
}

function modeAt(at: number, view: TimeWindow, edge: number, extent: number): Grip["mode"] {
  if (isWhole(view, extent)) return "new";
  if (Math.abs(at - view.from) < edge) return "from";
  if (Math.abs(at - view.to) < edge) return "to";
  return at > view.from && at < view.to ? "move" : "new";
}

function dragged({ mode, at, view }: Grip, moment: number, extent: number): TimeWindow {
  switch (mode) {
    case "new":
      return between(at, moment, extent);
    case "from":
      return between(moment, view.to, extent);
    case "to":
      return between(view.from, moment, extent);
    case "move": {
      const width = view.to - view.from;
      const from = Math.min(Math.max(0, view.from + moment - at), extent - width);
      return { from, to: from + width };
    }
  }
}

function draw(
  canvas: HTMLCanvasElement,
  tree: SpanTree,
  hues: ServiceHues,
  extent: number,
  now: number,
): void {
  const { clientWidth: width } = canvas;
  const ratio = devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(HEIGHT * ratio);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  const colourOf = colourReader(canvas);
  const line = Math.min(LONGEST_ROWS, HEIGHT / Math.max(1, tree.order.length));
  const thickness = Math.max(1, line * 0.8);
  tree.order.forEach((node, index) => {
    const end = node.end ?? (node.span.state === "open" ? now : tree.extent);
    const from = (node.start / extent) * width;
    const length = Math.max(1.5, ((end - node.start) / extent) * width);
    const failed = node.span.status === "error";
    context.fillStyle = colourOf(failed ? "var(--error)" : hues.color(node.span.service));
    context.fillRect(from, index * line, length, thickness);
  });
}

/** Turns a CSS value into what a canvas understands, asking the browser once for each. */
function colourReader(canvas: HTMLCanvasElement): (value: string) => string {
  const known = new Map<string, string>();
  return (value) => {
    let colour = known.get(value);
    if (colour === undefined) {
      canvas.style.color = value;
      colour = getComputedStyle(canvas).color;
      known.set(value, colour);
    }
    return colour;
  };
}
