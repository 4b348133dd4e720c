/** Fetching for a screen: the latest answer wins, and what is on screen stays until it is there. */

import { useEffect, useRef, useState } from "preact/hooks";

export interface Fetched<T> {
  readonly data: T | null;
  readonly error: unknown;
  readonly loading: boolean;
  readonly reload: () => void;
}

/** Fetch when `key` changes or `reload` is called; null as key fetches nothing. */
export function useFetched<T>(
  key: string | null,
  fetchIt: (signal: AbortSignal) => Promise<T>,
): Fetched<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; error: unknown }>({
    key: null,
    data: null,
    error: null,
  });
  const [loading, setLoading] = useState(key !== null);
  const [round, setRound] = useState(0);
  const call = useRef(fetchIt);
  call.current = fetchIt;
  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    setLoading(true);
    call.current(abort.signal).then(
      (data) => {
        if (abort.signal.aborted) return;
        setState({ key, data, error: null });
        setLoading(false);
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        // A failed refresh of the same thing leaves the last good answer on screen.
        setState((before) => ({ key, data: before.key === key ? before.data : null, error }));
        setLoading(false);
      },
    );
    return () => abort.abort();
  }, [key, round]);
  return { data: state.data, error: state.error, loading, reload: () => setRound((n) => n + 1) };
}

/** A list that is fetched page by page. */
export interface Paged<Row> {
  readonly rows: readonly Row[];
  readonly error: unknown;
  readonly loading: boolean;
  /** Whether the hub has looked through a part of what there is and found nothing there. */
  readonly searching: boolean;
  readonly hasMore: boolean;
  readonly more: () => void;
  /** Ask again for what failed. */
  readonly retry: () => void;
  /** Fetch the first page again and lay it over the top of what is there. */
  readonly refresh: () => void;
}

interface PageAnswer<Row> {
  rows: Row[];
  next: string | null;
}

export function usePaged<Row>(
  key: string,
  fetchPage: (cursor: string | null, signal: AbortSignal) => Promise<PageAnswer<Row>>,
  idOf: (row: Row) => string,
): Paged<Row> {
  const [rows, setRows] = useState<readonly Row[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [loading, setLoading] = useState(true);
  const [searching, setSearching] = useState(false);
  const shown = useRef(rows);
  const show = (next: readonly Row[]) => {
    shown.current = next;
    setRows(next);
  };
  const abort = useRef(new AbortController());
  const call = useRef(fetchPage);
  call.current = fetchPage;

  const hasNews = (found: readonly Row[], mode: "replace" | "append" | "overlay") => {
    if (mode !== "append") return found.length > 0;
    const known = new Set(shown.current.map(idOf));
    return found.some((row) => !known.has(idOf(row)));
  };
  const load = async (cursor: string | null, mode: "replace" | "append" | "overlay") => {
    const { signal } = abort.current;
    if (mode !== "overlay") setLoading(true);
    try {
      let page = await call.current(cursor, signal);
      // A page may be empty, or say nothing new, and not be the last: the hub's time was over
      // before it came to a row that fits. Nothing on screen would ask for the next one.
      while (mode !== "overlay" && page.next !== null && !hasNews(page.rows, mode)) {
        if (signal.aborted) return;
        setSearching(true);
        page = await call.current(page.next, signal);
      }
      if (signal.aborted) return;
      setError(null);
      const known = shown.current;
      // Where nothing of the new page is known, more has arrived than fits one page: joining the
      // two would hide the gap between them.
      const fresh = mode === "replace" || (mode === "overlay" && !overlaps(page.rows, known, idOf));
      show(
        fresh
          ? page.rows
          : mode === "append"
            ? unite(known, page.rows, idOf)
            : unite(page.rows, known, idOf),
      );
      if (fresh || mode === "append") setNext(page.next);
    } catch (failure) {
      if (signal.aborted) return;
      setError(failure);
      // What was found for another question must not stand there as the answer to this one.
      if (mode === "replace") {
        show([]);
        setNext(null);
      }
    }
    if (!signal.aborted && mode !== "overlay") {
      setLoading(false);
      setSearching(false);
    }
  };

  useEffect(() => {
    abort.current = new AbortController();
    setSearching(false);
    void load(null, "replace");
    return () => abort.current.abort();
  }, [key]);

  return {
    rows,
    error,
    loading,
    searching,
    hasMore: next !== null,
    more: () => {
      // After a failure somebody has to ask: scrolling would ask at every pixel.
      if (next !== null && !loading && error === null) void load(next, "append");
    },
    retry: () => void (next === null ? load(null, "replace") : load(next, "append")),
    refresh: () => void load(null, rows.length === 0 ? "replace" : "overlay"),
  };
}

/** The first list, then what the second has beyond it. */
function unite<Row>(
  first: readonly Row[],
  second: readonly Row[],
  idOf: (row: Row) => string,
): Row[] {
  const known = new Set(first.map(idOf));
  return [...first, ...second.filter((row) => !known.has(idOf(row)))];
}

function overlaps<Row>(
  page: readonly Row[],
  known: readonly Row[],
  idOf: (row: Row) => string,
): boolean {
  if (page.length === 0) return true;
  const ids = new Set(known.map(idOf));
  return page.some((row) => ids.has(idOf(row)));
}

/** Call `action` at most once per `everyMs`, the last call not being lost. */
export function useThrottled(action: () => void, everyMs: number): () => void {
  const timer = useRef(0);
  const latest = useRef(action);
  latest.current = action;
  useEffect(() => () => clearTimeout(timer.current), []);
  return () => {
    if (timer.current) return;
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      latest.current();
    }, everyMs);
  };
}
