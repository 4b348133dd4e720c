/** Sizes of panes, kept by the browser: how somebody likes the page is not part of its address. */

import { useState } from "preact/hooks";

export function useStoredSize(name: string, initial: number): [number, (size: number) => void] {
  const key = `otbridge.size.${name}`;
  const [size, setSize] = useState(() => read(key) ?? initial);
  return [
    size,
    (next) => {
      setSize(next);
      try {
        localStorage.setItem(key, String(next));
      } catch {
        // No storage in this window: the size lasts as long as the page.
      }
    },
  ];
}

function read(key: string): number | null {
  try {
    const value = Number(localStorage.getItem(key));
    return value > 0 ? value : null;
  } catch {
    return null; // As above.
  }
}
