/** The present, for things on screen that age: ticks once a second while the page is visible. */

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { hubNow } from "./live.ts";

/** Unix milliseconds by the hub's clock, renewed each second. */
export const second = signal(Date.now());

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) second.value = hubNow();
  }, 1000);
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** The present renewed at every frame while `running`; once a second for those who want calm. */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(hubNow);
  useEffect(() => {
    if (!running) return;
    if (calm.matches) {
      const interval = setInterval(() => setNow(hubNow()), 1000);
      return () => clearInterval(interval);
    }
    let frame = 0;
    let last = 0;
    const tick = (at: number) => {
      // Thirty times a second is as smooth to the eye for bars that creep.
      if (at - last > 32) {
        last = at;
        setNow(hubNow());
      }
      frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(frame);
  }, [running]);
  return now;
}
