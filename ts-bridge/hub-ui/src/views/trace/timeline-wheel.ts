/** The wheel over a timeline: with Ctrl or Cmd it zooms where the pointer is, sideways it moves. */

import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { momentAt, pan, type TimeWindow, zoom } from "../../model/time-window.ts";

/** Wheel units (about a pixel each) that double or halve the width. */
const UNITS_PER_DOUBLING = 260;

export function useTimelineWheel(
  timeline: RefObject<HTMLElement | null>,
  view: TimeWindow,
  extent: number,
  onView: (view: TimeWindow) => void,
): void {
  const latest = useRef({ view, extent, onView });
  latest.current = { view, extent, onView };
  useEffect(() => {
    // The rows below take the same gestures; the header tells where the timeline lies.
    const area = timeline.current?.closest<HTMLElement>(".wf");
    if (!area) return;
    const onWheel = (event: WheelEvent) => {
      const box = timeline.current?.getBoundingClientRect();
      if (!box || event.clientX < box.left) return;
      const now = latest.current;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        const anchor = momentAt(now.view, (event.clientX - box.left) / box.width);
        const factor = 2 ** (event.deltaY / UNITS_PER_DOUBLING);
        now.onView(zoom(now.view, now.extent, factor, anchor));
        return;
      }
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (Math.abs(sideways) <= Math.abs(event.shiftKey ? 0 : event.deltaY)) return;
      event.preventDefault();
      now.onView(pan(now.view, now.extent, sideways / box.width));
    };
    // Not passive: the browser would zoom the page or go back in history.
    area.addEventListener("wheel", onWheel, { passive: false });
    return () => area.removeEventListener("wheel", onWheel);
  }, []);
}
