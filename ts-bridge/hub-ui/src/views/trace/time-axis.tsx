/** The axis above the bars. Dragging across it zooms to that stretch, a double click undoes it. */

import { useRef, useState } from "preact/hooks";
import { formatTick, ticks } from "../../model/time.ts";
import { between, momentAt, position, type TimeWindow, whole } from "../../model/time-window.ts";

/** Shorter drags are clicks. */
const DRAG_PX = 4;

export function TimeAxis(props: {
  view: TimeWindow;
  extent: number;
  onView: (view: TimeWindow) => void;
}) {
  const { view, extent, onView } = props;
  const start = useRef<number | null>(null);
  const [stretch, setStretch] = useState<{ from: number; to: number } | null>(null);
  const { at, step } = ticks(view.from, view.to, 6);
  const share = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a pointer's shortcut for what keys do, see waterfall.tsx
    <div
      class="axis"
      title="Drag to zoom; double click for the whole trace"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = share(event);
      }}
      onPointerMove={(event) => {
        if (start.current === null) return;
        setStretch({
          from: Math.min(start.current, share(event)),
          to: Math.max(start.current, share(event)),
        });
      }}
      onPointerUp={(event) => {
        const width = event.currentTarget.clientWidth;
        if (stretch && (stretch.to - stretch.from) * width > DRAG_PX) {
          onView(between(momentAt(view, stretch.from), momentAt(view, stretch.to), extent));
        }
        start.current = null;
        setStretch(null);
      }}
      onDblClick={() => onView(whole(extent))}
    >
      {at.map((tick) => {
        const place = position(view, tick) ?? 0;
        return (
          <span
            key={tick}
            class={place > 0.94 ? "tick tick-last" : "tick"}
            style={{ left: `${place * 100}%` }}
          >
            {formatTick(tick, step)}
          </span>
        );
      })}
      {stretch && (
        <span
          class="stretch"
          style={{ left: `${stretch.from * 100}%`, width: `${(stretch.to - stretch.from) * 100}%` }}
        />
      )}
    </div>
  );
}
