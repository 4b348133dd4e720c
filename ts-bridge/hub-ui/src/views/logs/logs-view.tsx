/** Logs: search, filter, and what arrives while you look. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, type Log } from "../../api.ts";
import { useFetched, usePaged } from "../../fetching.ts";
import { useCommands } from "../../keys.ts";
import { listen } from "../../live.ts";
import { plural } from "../../model/attributes.ts";
import { splitSearch } from "../../model/conditions.ts";
import { logMatcher } from "../../model/filters.ts";
import { LEVELS } from "../../model/severity.ts";
import { compareTime } from "../../model/time.ts";
import { adjust, param } from "../../router.ts";
import { Button, SearchBox, Select } from "../../ui/controls.tsx";
import { sessionHues } from "../../ui/labels.tsx";
import { ListEnd } from "../../ui/list-end.tsx";
import { Banner, ErrorNote, Loading, Nothing, StillLooking } from "../../ui/notes.tsx";
import { RANGES } from "../../ui/ranges.ts";
import { useTitle } from "../../ui/title.ts";
import { SendFirst } from "../live/send-first.tsx";
import { SessionChip } from "../sessions/session-chip.tsx";
import { useReconnected } from "../trace/use-trace.ts";
import { Facets } from "./facets.tsx";
import { Histogram } from "./histogram.tsx";
import { LogTable } from "./log-table.tsx";

const PAGE = 200;
/** Newer lines kept on top of the fetched ones before the page starts anew. */
const LIVE_LIMIT = 5000;

export function LogsView() {
  const filter = {
    service: param("service"),
    severity: param("severity"),
    q: param("q"),
    from: param("from"),
    session: param("session"),
  };
  useTitle("Logs");
  const key = JSON.stringify(filter);
  const page = usePaged<Log>(
    key,
    (cursor, signal) =>
      api.logs({ ...filter, ...splitSearch(filter.q), limit: PAGE, cursor }, signal),
    (log) => log.id,
  );
  const live = useLiveLogs(key, filter);
  useReconnected(page.refresh);
  const services = useFetched("services", api.services);
  const logs = useMemo(() => newestFirst(live.logs, page.rows), [live.logs, page.rows]);
  useCommands("Logs", [
    { keys: ["."], label: "Pause or resume", run: () => live.setPaused(!live.paused) },
    { keys: ["x"], label: "Take all filters away", run: clearFilters },
  ]);
  const filtered = Boolean(
    filter.q || filter.service || filter.severity || filter.from || filter.session,
  );

  return (
    <div class="logs">
      <Loading on={page.loading} />
      <div class="tools">
        <SearchBox
          value={filter.q}
          placeholder="Search words, key=value, code>=500"
          onChange={(q) => adjust({ q, log: null })}
        />
        <span class="logs-choices">
          <Select
            label="Level"
            value={filter.severity}
            options={[
              { value: "", label: "All levels" },
              ...LEVELS.map(({ level }) => ({ value: level, label: `${level} and above` })),
            ]}
            onChange={(severity) => adjust({ severity, log: null })}
          />
          <Select
            label="Service"
            value={filter.service}
            options={[
              { value: "", label: "All services" },
              ...(services.data ?? []).map(({ name }) => ({ value: name, label: name })),
            ]}
            onChange={(service) => adjust({ service, log: null })}
          />
        </span>
        <Select
          label="Time"
          value={filter.from}
          options={RANGES}
          onChange={(from) => adjust({ from, log: null })}
        />
        <SessionChip screen="/logs" />
        {filtered && (
          <Button icon="close" onClick={clearFilters} title="Take all filters away (x)">
            Clear
          </Button>
        )}
        <span class="grow" />
        <span class="soft tools-count" aria-live="polite">
          {plural(logs.length, "line")}
          {page.hasMore ? " loaded" : ""}
        </span>
        <Button
          icon={live.paused ? "play" : "pause"}
          onClick={() => live.setPaused(!live.paused)}
          title="Pause or resume (.)"
        >
          {live.paused ? "Resume" : "Pause"}
        </Button>
      </div>
      {live.paused && (
        <Banner kind="pause">
          Paused.{" "}
          {live.waiting > 0 ? `${plural(live.waiting, "new line")} waiting.` : "Nothing new yet."}
          <button type="button" class="text-button" onClick={() => live.setPaused(false)}>
            Resume
          </button>
        </Banner>
      )}
      <div class="logs-split">
        <Facets logs={logs} services={services.data ?? []} hues={sessionHues} filter={filter} />
        <div class="logs-main">
          <Histogram logs={logs} />
          {page.error && logs.length === 0 ? (
            <ErrorNote error={page.error} onRetry={page.refresh} />
          ) : (
            <LogTable
              logs={logs}
              hues={sessionHues}
              open={param("log") || null}
              onOpen={(log) => adjust({ log })}
              remember={`logs ${key}`}
              onNearEnd={page.more}
              onScroll={(atStart) => live.onScroll(atStart)}
              empty={
                page.searching ? (
                  <StillLooking />
                ) : page.loading ? (
                  ""
                ) : (
                  <NoLogs filtered={filtered} />
                )
              }
              footer={<ListEnd page={page} count={logs.length} noun="line" />}
            />
          )}
        </div>
      </div>
    </div>
  );
}

function clearFilters(): void {
  adjust({ q: null, service: null, severity: null, from: null, session: null, log: null });
}

function NoLogs({ filtered }: { filtered: boolean }) {
  if (!filtered) return <SendFirst what="log line" />;
  return (
    <Nothing title="No log line fits.">
      <p class="soft">
        Every word must occur in the body, the event name or an attribute; <code>key=value</code>{" "}
        asks for an attribute. Lines that fit appear here as they arrive.
      </p>
      <p>
        <Button onClick={clearFilters}>Take all filters away</Button>
      </p>
    </Nothing>
  );
}

function newestFirst(live: readonly Log[], fetched: readonly Log[]): Log[] {
  const known = new Set(fetched.map(({ id }) => id));
  const fresh = live.filter(({ id }) => !known.has(id));
  if (fresh.length === 0) return [...fetched];
  return [...fresh, ...fetched].sort((a, b) => compareTime(b.time_unix_nano, a.time_unix_nano));
}

interface LiveLogs {
  readonly logs: readonly Log[];
  readonly paused: boolean;
  readonly waiting: number;
  readonly setPaused: (paused: boolean) => void;
  readonly onScroll: (atStart: boolean) => void;
}

/** The lines that arrive and fit, since the filter was set. Reading further down pauses. */
function useLiveLogs(
  key: string,
  filter: { service: string; severity: string; q: string; session: string },
): LiveLogs {
  const [logs, setLogs] = useState<readonly Log[]>([]);
  const [waiting, setWaiting] = useState<readonly Log[]>([]);
  const [paused, setPausedState] = useState(false);
  const state = useRef({ paused, byScroll: false });
  state.current.paused = paused;

  useEffect(() => {
    setLogs([]);
    setWaiting([]);
    // Of which session a live line is, its trace may say: only the hub knows.
    if (filter.session !== "") return;
    const match = logMatcher(filter);
    return listen((items) => {
      const fresh: Log[] = [];
      for (const item of items) {
        if (item.t !== "log") continue;
        const { t: _t, ...log } = item;
        if (match(log)) fresh.push(log);
      }
      if (fresh.length === 0) return;
      const append = (before: readonly Log[]) => before.concat(fresh).slice(-LIVE_LIMIT);
      if (state.current.paused) setWaiting(append);
      else setLogs(append);
    });
  }, [key]);

  const setPaused = (next: boolean, byScroll = false) => {
    if (next === state.current.paused) return;
    state.current = { paused: next, byScroll };
    setPausedState(next);
    if (next) return;
    setWaiting((held) => {
      setLogs((before) => before.concat(held).slice(-LIVE_LIMIT));
      return [];
    });
  };
  return {
    logs,
    paused,
    waiting: waiting.length,
    setPaused,
    onScroll: (atStart) => {
      if (!atStart) setPaused(true, true);
      // Who paused by hand resumes by hand.
      else if (state.current.byScroll) setPaused(false);
    },
  };
}
