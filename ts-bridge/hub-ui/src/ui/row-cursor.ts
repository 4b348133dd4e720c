/** The row of a list that the keyboard is on, for lists whose rows are links. */

import type { RefObject } from "preact";
import { useRef, useState } from "preact/hooks";
import { type Command, useCommands } from "../keys.ts";
import { go } from "../router.ts";
import type { ListHandle } from "./virtual-list.tsx";

export interface RowCursor {
  readonly handle: RefObject<ListHandle | null>;
  /** Element id of the row that the keyboard is on. */
  readonly active: string | undefined;
  /** Element id of the row with this key. */
  readonly idOf: (key: string) => string;
  readonly isOn: (key: string) => boolean;
}

/**
 * Understand j, k and Enter, and what else the screen does.
 *
 * `keys` are those of the rows in order; Enter goes where the row's own link leads.
 */
export function useRowCursor(
  title: string,
  noun: string,
  keys: readonly string[],
  more: readonly Command[] = [],
): RowCursor {
  const handle = useRef<ListHandle | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const at = cursor === null ? -1 : keys.indexOf(cursor);
  const idOf = (key: string) => `row-${key}`;
  const move = (step: number) => {
    const index = Math.min(keys.length - 1, Math.max(0, at + step));
    const key = keys[index];
    if (key === undefined) return;
    setCursor(key);
    handle.current?.reveal(index);
  };
  const open = () => {
    const row = cursor === null ? null : document.getElementById(idOf(cursor));
    if (row instanceof HTMLAnchorElement) go(row.pathname + row.search);
  };
  useCommands(title, [
    { keys: ["j", "ArrowDown"], label: `Next ${noun}`, run: () => move(1) },
    { keys: ["k", "ArrowUp"], label: `Previous ${noun}`, run: () => move(at < 0 ? 1 : -1) },
    { keys: ["Enter"], label: `Open the ${noun}`, run: open },
    { keys: ["Escape"], label: "Let the selection go", run: () => setCursor(null), quiet: true },
    ...more,
  ]);
  return {
    handle,
    active: cursor === null ? undefined : idOf(cursor),
    idOf,
    isOn: (key) => key === cursor,
  };
}
