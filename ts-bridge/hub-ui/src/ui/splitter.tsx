/** A line between two panes that can be dragged, or moved with the arrow keys. */

import { useRef } from "preact/hooks";

const KEY_STEP_PX = 24;

export function Splitter(props: {
  label: string;
  /** Present size in pixels of the pane that it sizes. */
  size: number;
  min: number;
  max: number;
  /** Whether dragging to the right makes that pane smaller. */
  reversed?: boolean;
  onChange: (size: number) => void;
}) {
  const grip = useRef<{ x: number; size: number } | null>(null);
  const sign = props.reversed ? -1 : 1;
  const set = (size: number) =>
    props.onChange(Math.round(Math.min(props.max, Math.max(props.min, size))));
  return (
    <div
      class="splitter"
      role="separator"
      aria-orientation="vertical"
      aria-label={props.label}
      aria-valuenow={props.size}
      aria-valuemin={props.min}
      aria-valuemax={props.max}
      tabIndex={0}
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        grip.current = { x: event.clientX, size: props.size };
      }}
      onPointerMove={(event) => {
        if (grip.current) set(grip.current.size + sign * (event.clientX - grip.current.x));
      }}
      onPointerUp={() => {
        grip.current = null;
      }}
      onKeyDown={(event) => {
        const step = { ArrowLeft: -KEY_STEP_PX, ArrowRight: KEY_STEP_PX }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        set(props.size + sign * step);
      }}
    />
  );
}
