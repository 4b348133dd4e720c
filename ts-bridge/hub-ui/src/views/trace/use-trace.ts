/** One trace, fetched once and then grown by the live feed. */

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, api, type LiveItem, type Trace } from "../../api.ts";
import { useThrottled } from "../../fetching.ts";
import { connections, listen } from "../../live.ts";
import { mergeFetched, mergeLive } from "../../model/trace-merge.ts";

export interface TraceData {
  readonly trace: Trace | null;
  readonly error: unknown;
  readonly loading: boolean;
  readonly reload: () => void;
}

/** After the last live item the hub is asked again, once this has passed without another. */
const SETTLE_MS = 600;

export function useTrace(id: string): TraceData {
  const [trace, setTrace] = useState<Trace | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [loading, setLoading] = useState(true);
  const settle = useRef(0);
  const abort = useRef<AbortController | null>(null);

  const load = async () => {
    abort.current?.abort();
    abort.current = new AbortController();
    const { signal } = abort.current;
    try {
      const fetched = await api.trace(id, signal);
      if (signal.aborted) return;
      setTrace((known) => mergeFetched(known, fetched));
      setError(null);
    } catch (failure) {
      if (!signal.aborted) setError(failure);
    }
    if (!signal.aborted) setLoading(false);
  };

  const take = (items: readonly LiveItem[]) => {
    if (!items.some((item) => item.trace_id === id)) return;
    setTrace((known) => mergeLive(known, id, items));
    clearTimeout(settle.current);
    settle.current = window.setTimeout(load, SETTLE_MS);
  };

  useEffect(() => {
    void load();
    const stop = listen(take);
    return () => {
      stop();
      clearTimeout(settle.current);
      abort.current?.abort();
    };
  }, [id]);

  useReconnected(load);
  // A trace that has begun to arrive is not unknown any more, whatever the first answer was.
  const unknown = error instanceof ApiError && error.status === 404;
  return { trace, error: trace && unknown ? null : error, loading, reload: () => void load() };
}

/** Call when the feed is open again after a loss: what came meanwhile was not told. */
export function useReconnected(action: () => void): void {
  const seen = useRef(connections.peek());
  const latest = useThrottled(action, 50);
  const current = connections.value;
  useEffect(() => {
    if (current > seen.current && seen.current > 0) latest();
    seen.current = current;
  }, [current]);
}
