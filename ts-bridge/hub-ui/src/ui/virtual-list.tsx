/** A list of any length of which only the rows in view exist. */

import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
} from "@tanstack/virtual-core";
import type { ComponentChildren, RefObject } from "preact";
import { useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";

export interface ListHandle {
  /** Bring a row into view with as little movement as possible. */
  reveal(index: number): void;
  center(index: number): void;
  toEnd(): void;
  isAtEnd(): boolean;
  isAtStart(): boolean;
  toStart(): void;
}

export interface VirtualListProps {
  readonly count: number;
  /** Height of a row in pixels; with `measured`, the first guess. */
  readonly rowHeight: number;
  readonly keyOf: (index: number) => string | number;
  readonly row: (index: number) => ComponentChildren;
  /** Rows may be of any height and are measured. */
  readonly measured?: boolean;
  /** Stay at the end when rows are added there and the end is in view. */
  readonly follow?: boolean;
  readonly handle?: RefObject<ListHandle | null>;
  readonly label: string;
  /** `list`: the rows are links. In a `table` or `treegrid` the rows bring role and cells. */
  readonly role?: "table" | "treegrid" | "list";
  readonly class?: string;
  /** Element id of the row that the keyboard is on; it gets the focus when it changes. */
  readonly active?: string | undefined;
  /** Called when the last rows come into view. */
  readonly onNearEnd?: (() => void) | undefined;
  readonly onScroll?: ((atStart: boolean, atEnd: boolean) => void) | undefined;
  /** Name under which the scroll position is kept while other screens are shown. */
  readonly remember?: string;
  /** Shown after the last row. */
  readonly footer?: ComponentChildren;
}

const OVERSCAN = 12;
const END_SLACK_PX = 24;
const remembered = new Map<string, number>();

export function VirtualList(props: VirtualListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const latest = useRef(props);
  latest.current = props;

  const options = {
    count: props.count,
    getScrollElement: () => scroller.current,
    estimateSize: () => props.rowHeight,
    getItemKey: props.keyOf,
    overscan: OVERSCAN,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    scrollEndThreshold: END_SLACK_PX,
    ...(props.follow ? { anchorTo: "end" as const, followOnAppend: true } : {}),
    ...(props.remember ? { initialOffset: remembered.get(props.remember) ?? 0 } : {}),
    onChange: () => redraw(undefined as never),
  };
  const [list] = useState(() => new Virtualizer<HTMLDivElement, HTMLDivElement>(options));
  list.setOptions(options as never);
  useLayoutEffect(() => list._didMount(), [list]);
  useLayoutEffect(() => list._willUpdate());
  useLayoutEffect(() => {
    if (props.follow) list.scrollToEnd();
  }, [list]);

  useLayoutEffect(() => {
    const { handle } = latest.current;
    if (!handle) return;
    const ends = () => positions(scroller.current);
    handle.current = {
      reveal: (index) => list.scrollToIndex(index, { align: "auto" }),
      center: (index) => list.scrollToIndex(index, { align: "center" }),
      toEnd: () => list.scrollToEnd(),
      toStart: () => list.scrollToOffset(0),
      isAtEnd: () => ends().atEnd,
      isAtStart: () => ends().atStart,
    };
    return () => {
      handle.current = null;
    };
  }, [list]);

  const items = list.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? -1;
  useLayoutEffect(() => {
    if (lastShown >= props.count - 1 && props.count > 0) props.onNearEnd?.();
  }, [lastShown, props.count]);

  useLayoutEffect(() => {
    if (!props.active || isTyping()) return;
    const row = document.getElementById(props.active);
    // A row that is not drawn yet is on its way into view; the list holds the focus until then.
    (row ?? scroller.current)?.focus({ preventScroll: true });
  }, [props.active]);

  const role = props.role ?? "list";
  return (
    <div
      ref={scroller}
      class={`list ${props.class ?? ""}`}
      {...listRole(role, props)}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region has to be reachable by keyboard
      tabIndex={0}
      onScroll={() => {
        const { atStart, atEnd } = positions(scroller.current);
        if (props.remember) remembered.set(props.remember, scroller.current?.scrollTop ?? 0);
        props.onScroll?.(atStart, atEnd);
      }}
    >
      <div class="list-body" role="presentation" style={{ height: `${list.getTotalSize()}px` }}>
        {items.map(({ key, index, start }) => (
          <div
            key={key}
            class="list-slot"
            {...slotRole(role, index, props.count)}
            data-index={index}
            ref={props.measured ? list.measureElement : null}
            style={{
              transform: `translateY(${start}px)`,
              height: props.measured ? "auto" : `${props.rowHeight}px`,
            }}
          >
            {props.row(index)}
          </div>
        ))}
      </div>
      {props.footer}
    </div>
  );
}

function listRole(role: "table" | "treegrid" | "list", { label, count }: VirtualListProps) {
  const common = { role, "aria-label": label };
  return role === "list" ? common : { ...common, "aria-rowcount": count };
}

/** Only the rows in view exist, so each has to say which of how many it is. */
function slotRole(role: "table" | "treegrid" | "list", index: number, count: number) {
  if (role !== "list") return { role: "presentation" as const };
  return { role: "listitem" as const, "aria-setsize": count, "aria-posinset": index + 1 };
}

function isTyping(): boolean {
  return document.activeElement?.matches("input, textarea, select") ?? false;
}

function positions(element: HTMLElement | null): { atStart: boolean; atEnd: boolean } {
  if (!element) return { atStart: true, atEnd: true };
  const { scrollTop, scrollHeight, clientHeight } = element;
  return {
    atStart: scrollTop <= 2,
    atEnd: scrollHeight - clientHeight - scrollTop <= END_SLACK_PX,
  };
}
