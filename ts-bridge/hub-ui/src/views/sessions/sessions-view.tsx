/** Sessions: visits of browsers and conversations with agents, newest first. */

import { useEffect } from "preact/hooks";
import { type Session, sessions } from "../../api-sessions.ts";
import { second } from "../../clock.ts";
import { usePaged, useThrottled } from "../../fetching.ts";
import { listen } from "../../live.ts";
import { count, plural } from "../../model/attributes.ts";
import { splitSearch } from "../../model/conditions.ts";
import { formatDuration, formatFull, formatStart } from "../../model/time.ts";
import { adjust, href, param } from "../../router.ts";
import { compact, TWO_LINES } from "../../ui/compact.ts";
import { Button, SearchBox, Select, Toggle } from "../../ui/controls.tsx";
import { ServiceName } from "../../ui/labels.tsx";
import { ListEnd } from "../../ui/list-end.tsx";
import { ErrorNote, Loading, Nothing, StillLooking } from "../../ui/notes.tsx";
import { RANGES } from "../../ui/ranges.ts";
import { type RowCursor, useRowCursor } from "../../ui/row-cursor.ts";
import { useTitle } from "../../ui/title.ts";
import { VirtualList } from "../../ui/virtual-list.tsx";
import { useReconnected } from "../trace/use-trace.ts";
import "./sessions.css";

const PAGE = 100;
const ROW_HEIGHT = 34;
const REFRESH_MS = 2000;

const KINDS = [
  { value: "", label: "Visits and conversations" },
  { value: "session.id", label: "Visits" },
  { value: "gen_ai.conversation.id", label: "Conversations" },
];

export function SessionsView() {
  useTitle("Sessions");
  const filter = {
    q: param("q"),
    by: param("by"),
    error: param("errors") === "only",
    from: param("from"),
  };
  const key = JSON.stringify(filter);
  const page = usePaged<Session>(
    key,
    (cursor, signal) =>
      sessions({ ...filter, ...splitSearch(filter.q), limit: PAGE, cursor }, signal),
    keyOf,
  );
  const soon = useThrottled(page.refresh, REFRESH_MS);
  useEffect(() => listen(soon), []);
  useReconnected(soon);
  const rows = page.rows;
  const cursor = useRowCursor("Sessions", "session", rows.map(keyOf), [
    { keys: ["x"], label: "Take all filters away", run: clearFilters },
  ]);
  const filtered = Boolean(filter.q || filter.by || filter.error || filter.from);
  return (
    <>
      <Loading on={page.loading} />
      <div class="tools">
        <SearchBox
          value={filter.q}
          placeholder="Search what happened in them"
          onChange={(q) => adjust({ q })}
        />
        <Select label="Kind" value={filter.by} options={KINDS} onChange={(by) => adjust({ by })} />
        <Select
          label="Time"
          value={filter.from}
          options={RANGES}
          onChange={(from) => adjust({ from })}
        />
        <Toggle narrows on={filter.error} onChange={(on) => adjust({ errors: on ? "only" : null })}>
          Errors only
        </Toggle>
        {filtered && (
          <Button icon="close" onClick={clearFilters} title="Take all filters away (x)">
            Clear
          </Button>
        )}
        <span class="grow" />
        <span class="soft tools-count" aria-live="polite">
          {plural(rows.length, "session")}
          {page.hasMore ? " loaded" : ""}
        </span>
      </div>
      {page.error && rows.length === 0 ? (
        <ErrorNote error={page.error} onRetry={page.retry} />
      ) : rows.length === 0 ? (
        <NoSessions loading={page.loading} searching={page.searching} filtered={filtered} />
      ) : (
        <>
          <div class="table-head session-grid" aria-hidden="true">
            <span>Start</span>
            <span>Session</span>
            <span class="col-by">Kind</span>
            <span>Services</span>
            <span class="num">Duration</span>
            <span class="num">Traces</span>
            <span class="num col-spans">Spans</span>
            <span class="num">Logs</span>
            <span class="num">Errors</span>
          </div>
          <VirtualList
            key={String(compact.value)}
            label="Sessions"
            count={rows.length}
            rowHeight={compact.value ? TWO_LINES : ROW_HEIGHT}
            keyOf={(index) => rows[index]?.session_id ?? index}
            handle={cursor.handle}
            active={cursor.active}
            remember={`sessions ${key}`}
            onNearEnd={page.more}
            row={(index) => {
              const session = rows[index];
              return session && <SessionRow session={session} now={second.value} cursor={cursor} />;
            }}
            footer={<ListEnd page={page} count={rows.length} noun="session" />}
          />
        </>
      )}
    </>
  );
}

function keyOf({ by, session_id }: Session): string {
  return `${by} ${session_id}`;
}

function SessionRow(props: { session: Session; now: number; cursor: RowCursor }) {
  const { session, now, cursor } = props;
  const key = keyOf(session);
  const errors = session.error_count;
  const visit = session.by === "session.id";
  return (
    <a
      id={cursor.idOf(key)}
      class={cursor.isOn(key) ? "table-row session-grid is-selected" : "table-row session-grid"}
      tabIndex={-1}
      href={href(session.trace_count > 0 ? "/traces" : "/logs", { session: session.session_id })}
    >
      <span class="soft" title={formatFull(session.start_time_unix_nano)}>
        {formatStart(session.start_time_unix_nano, now)}
      </span>
      <span class="clip session-id" title={session.session_id}>
        {session.session_id}
      </span>
      <span class="soft col-by">{visit ? "visit" : "conversation"}</span>
      <span class="trace-services">
        {session.services.slice(0, 3).map(({ name }) => (
          <ServiceName key={name} name={name} />
        ))}
        {session.services.length > 3 && <span class="faint">+{session.services.length - 3}</span>}
      </span>
      <span class="num col-duration">{formatDuration(session.duration_nano)}</span>
      <span class="num told" data-head="traces">
        {count(session.trace_count)}
      </span>
      <span class="num col-spans">{count(session.span_count)}</span>
      <span class={session.log_count ? "num col-logs" : "num faint col-logs"}>
        {session.log_count ? count(session.log_count) : "–"}
      </span>
      <span class={errors ? "num bad told" : "num faint told"} data-head="errors">
        {errors ? count(errors) : "–"}
      </span>
    </a>
  );
}

function clearFilters(): void {
  adjust({ q: null, by: null, errors: null, from: null });
}

function NoSessions(props: { loading: boolean; searching: boolean; filtered: boolean }) {
  if (props.searching) return <StillLooking />;
  if (props.loading) return null;
  if (props.filtered) {
    return (
      <Nothing title="No session fits.">
        <p>
          <Button onClick={clearFilters}>Take all filters away</Button>
        </p>
      </Nothing>
    );
  }
  return (
    <Nothing title="No session yet.">
      <p class="soft">
        A session gathers what records with one <code>session.id</code> did, as the browser SDK sets
        it, or one <code>gen_ai.conversation.id</code> of agents.
      </p>
    </Nothing>
  );
}
