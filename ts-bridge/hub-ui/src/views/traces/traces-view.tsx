/** Traces: the list, newest first, with what narrows it. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, type TraceSummary } from "../../api.ts";
import { second } from "../../clock.ts";
import { type Paged, useFetched, usePaged, useThrottled } from "../../fetching.ts";
import { useCommands } from "../../keys.ts";
import { listen } from "../../live.ts";
import { plural } from "../../model/attributes.ts";
import { splitSearch } from "../../model/conditions.ts";
import { isDuration } from "../../model/time.ts";
import { adjust, go, href, param, place } from "../../router.ts";
import { compact, TWO_LINES } from "../../ui/compact.ts";
import { Button, SearchBox, Select, Toggle } from "../../ui/controls.tsx";
import { ListEnd } from "../../ui/list-end.tsx";
import { Banner, ErrorNote, Loading, Nothing, StillLooking } from "../../ui/notes.tsx";
import { RANGES } from "../../ui/ranges.ts";
import { useTitle } from "../../ui/title.ts";
import { type ListHandle, VirtualList } from "../../ui/virtual-list.tsx";
import { SendFirst } from "../live/send-first.tsx";
import { SessionChip } from "../sessions/session-chip.tsx";
import { useReconnected } from "../trace/use-trace.ts";
import { rememberList } from "./trace-order.ts";
import { fullBar, TraceRow } from "./trace-row.tsx";
import "./traces.css";

const PAGE = 100;
const ROW_HEIGHT = 34;
/** How often a list at its top is fetched anew while things arrive. */
const REFRESH_MS = 700;

export function TracesView() {
  const filter = {
    q: param("q"),
    service: param("service"),
    min_duration: param("min"),
    error: param("errors") === "only",
    from: param("from"),
    session: param("session"),
  };
  const key = JSON.stringify(filter);
  const valid = filter.min_duration === "" || isDuration(filter.min_duration);
  const page = usePaged<TraceSummary>(
    key,
    (cursor, signal) =>
      api.traces(
        {
          ...filter,
          ...splitSearch(filter.q),
          min_duration: valid ? filter.min_duration : "",
          limit: PAGE,
          cursor,
        },
        signal,
      ),
    (trace) => trace.trace_id,
  );
  useTitle("Traces");
  const pause = usePause(page.refresh);
  const traces = page.rows;
  const list = useRef<ListHandle | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const { path, query } = place.value;
  useEffect(() => {
    rememberList(
      traces.map(({ trace_id }) => trace_id),
      query.size > 0 ? `${path}?${query}` : path,
    );
  }, [traces, query]);
  useListCommands({ traces, cursor, setCursor, list, pause });
  const full = useMemo(() => fullBar(traces), [traces]);
  const filtered = query.size > 0;

  return (
    <>
      <Loading on={page.loading} />
      <TraceTools
        filter={filter}
        valid={valid}
        pause={pause}
        shown={traces.length}
        more={page.hasMore}
      />
      {pause.paused && (
        <Banner kind="pause">
          Paused. {pause.waiting > 0 ? "There is something new." : "Nothing new yet."}
          <button type="button" class="text-button" onClick={() => pause.set(false)}>
            Resume
          </button>
        </Banner>
      )}
      {page.error && traces.length === 0 ? (
        <ErrorNote error={page.error} onRetry={page.refresh} />
      ) : traces.length === 0 ? (
        <NoTracesYet page={page} filtered={filtered} />
      ) : (
        <>
          <div class="table-head trace-grid" aria-hidden="true">
            <span>Start</span>
            <span>Name</span>
            <span class="col-services">Services</span>
            <span>Duration</span>
            <span class="num">Spans</span>
            <span class="num">Errors</span>
            <span class="num">Logs</span>
            <span class="num col-tokens">Tokens</span>
            <span>State</span>
          </div>
          <VirtualList
            label="Traces"
            count={traces.length}
            key={String(compact.value)}
            rowHeight={compact.value ? TWO_LINES : ROW_HEIGHT}
            keyOf={(index) => traces[index]?.trace_id ?? index}
            handle={list}
            active={cursor ? `trace-${cursor}` : undefined}
            remember={`traces ${key}`}
            onNearEnd={page.more}
            onScroll={pause.onScroll}
            row={(index) => {
              const trace = traces[index];
              return (
                trace && (
                  <TraceRow
                    trace={trace}
                    full={full}
                    now={second.value}
                    selected={trace.trace_id === cursor}
                  />
                )
              );
            }}
            footer={<ListEnd page={page} count={traces.length} noun="trace" />}
          />
        </>
      )}
    </>
  );
}

interface Filter {
  readonly q: string;
  readonly service: string;
  readonly min_duration: string;
  readonly error: boolean;
  readonly from: string;
  readonly session: string;
}

function TraceTools(props: {
  filter: Filter;
  valid: boolean;
  pause: Pause;
  shown: number;
  more: boolean;
}) {
  const { filter, pause } = props;
  const services = useFetched("services", api.services);
  const options = [
    { value: "", label: "All services" },
    ...(services.data ?? []).map(({ name }) => ({ value: name, label: name })),
  ];
  return (
    <div class="tools">
      <SearchBox
        value={filter.q}
        placeholder="Search words, key=value, code>=500"
        onChange={(q) => adjust({ q })}
      />
      <Select
        label="Service"
        value={filter.service}
        options={options}
        onChange={(service) => adjust({ service })}
      />
      <input
        class={filter.min_duration ? "text-field text-field-set" : "text-field"}
        aria-label="Shortest duration"
        aria-invalid={!props.valid}
        title={
          props.valid
            ? "Only traces at least this long, such as 250ms, 1.5s or 2m"
            : "Write it as 250ms, 1.5s or 2m"
        }
        placeholder="min. 250ms"
        value={filter.min_duration}
        onChange={(event) => adjust({ min: event.currentTarget.value.trim() })}
      />
      <Select
        label="Time"
        value={filter.from}
        options={RANGES}
        onChange={(from) => adjust({ from })}
      />
      <Toggle narrows on={filter.error} onChange={(on) => adjust({ errors: on ? "only" : null })}>
        Errors only
      </Toggle>
      <SessionChip screen="/traces" />
      {place.value.query.size > 0 && (
        <Button icon="close" onClick={clearFilters} title="Take all filters away (x)">
          Clear
        </Button>
      )}
      <span class="grow" />
      <span class="soft tools-count" aria-live="polite">
        {plural(props.shown, "trace")}
        {props.more ? " loaded" : ""}
      </span>
      <Button
        icon={pause.paused ? "play" : "pause"}
        title="Pause or resume (.)"
        onClick={() => pause.set(!pause.paused)}
      >
        {pause.paused ? "Resume" : "Pause"}
      </Button>
    </div>
  );
}

function clearFilters(): void {
  adjust({ q: null, service: null, min: null, errors: null, from: null, session: null });
}

function NoTracesYet({ page, filtered }: { page: Paged<TraceSummary>; filtered: boolean }) {
  if (!page.loading) return <NoTraces filtered={filtered} />;
  return page.searching ? <StillLooking /> : null;
}

function NoTraces({ filtered }: { filtered: boolean }) {
  if (!filtered) return <SendFirst what="trace" />;
  return (
    <Nothing title="No trace fits.">
      <p class="soft">Traces that fit these filters appear here as they arrive.</p>
      <p>
        <Button onClick={clearFilters}>Take all filters away</Button>
      </p>
    </Nothing>
  );
}

interface Pause {
  readonly paused: boolean;
  /** Items that arrived since. */
  readonly waiting: number;
  readonly set: (paused: boolean) => void;
  readonly onScroll: (atStart: boolean) => void;
}

/** Refreshes while things arrive; holds still while paused or scrolled down. */
function usePause(refresh: () => void): Pause {
  const [paused, setPaused] = useState(false);
  const [waiting, setWaiting] = useState(0);
  const state = useRef({ paused: false, byScroll: false });
  const soon = useThrottled(() => {
    if (!state.current.paused) refresh();
  }, REFRESH_MS);
  useEffect(
    () =>
      listen((items) => {
        if (state.current.paused) setWaiting((before) => before + items.length);
        else soon();
      }),
    [],
  );
  useReconnected(soon);
  const set = (next: boolean, byScroll = false) => {
    if (next === state.current.paused) return;
    state.current = { paused: next, byScroll };
    setPaused(next);
    setWaiting(0);
    if (!next) soon();
  };
  return {
    paused,
    waiting,
    set,
    onScroll: (atStart) => {
      if (!atStart) set(true, true);
      else if (state.current.byScroll) set(false);
    },
  };
}

function useListCommands(context: {
  traces: readonly TraceSummary[];
  cursor: string | null;
  setCursor: (id: string | null) => void;
  list: { current: ListHandle | null };
  pause: Pause;
}): void {
  const { traces, cursor, setCursor, list, pause } = context;
  const at = traces.findIndex(({ trace_id }) => trace_id === cursor);
  const move = (step: number) => {
    const index = Math.min(traces.length - 1, Math.max(0, at + step));
    const trace = traces[index];
    if (!trace) return;
    setCursor(trace.trace_id);
    list.current?.reveal(index);
  };
  useCommands("Traces", [
    { keys: ["j", "ArrowDown"], label: "Next trace", run: () => move(1) },
    { keys: ["k", "ArrowUp"], label: "Previous trace", run: () => move(at < 0 ? 1 : -1) },
    {
      keys: ["Enter"],
      label: "Open the trace",
      run: () => cursor && go(href(`/traces/${cursor}`)),
    },
    { keys: ["."], label: "Pause or resume", run: () => pause.set(!pause.paused) },
    { keys: ["x"], label: "Take all filters away", run: clearFilters },
    { keys: ["Escape"], label: "Let the selection go", run: () => setCursor(null), quiet: true },
  ]);
}
