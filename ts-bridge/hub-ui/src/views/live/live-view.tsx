/** Live: everything that arrives, as it arrives. */

import { useMemo, useRef, useState } from "preact/hooks";
import { api, type LiveItem } from "../../api.ts";
import { useFetched } from "../../fetching.ts";
import { useCommands } from "../../keys.ts";
import { skippedItems } from "../../live.ts";
import { count, plural } from "../../model/attributes.ts";
import { LIVE_KINDS, type LiveFilter, type LiveKind, liveMatcher } from "../../model/filters.ts";
import type { LiveRow } from "../../model/live-buffer.ts";
import { LEVELS } from "../../model/severity.ts";
import { adjust, go, param } from "../../router.ts";
import { compact, TWO_LINES } from "../../ui/compact.ts";
import { Button, SearchBox, Select, Toggle } from "../../ui/controls.tsx";
import { Banner, Nothing } from "../../ui/notes.tsx";
import { useTitle } from "../../ui/title.ts";
import { type ListHandle, VirtualList } from "../../ui/virtual-list.tsx";
import { LiveEntry, targetOf } from "./live-entry.tsx";
import { RateChart } from "./rate-chart.tsx";
import { SendFirst } from "./send-first.tsx";
import { clear, forgotten, pause, paused, primed, resume, rows, waiting } from "./stream.ts";
import "./live.css";

const ROW_HEIGHT = 26;

export function LiveView() {
  useTitle("Live");
  const filter = useLiveFilter();
  const match = useMemo(() => remembering(liveMatcher(filter)), [filter]);
  const all = rows.value;
  const shown = useMemo(() => {
    return all.filter(({ item }) => match(item));
  }, [all, match]);
  const list = useRef<ListHandle | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  useLiveCommands({ shown, cursor, setCursor, list });
  const isPaused = paused.value !== "no";

  if (all.length === 0 && waiting.value === 0) {
    return primed.value ? <SendFirst what="record" /> : null;
  }
  return (
    <>
      <LiveTools filter={filter} list={list} />
      {isPaused && (
        <Banner kind="pause">
          Paused.{" "}
          {waiting.value > 0
            ? `${plural(waiting.value, "new record")} waiting.`
            : "Nothing new yet."}
          <button type="button" class="text-button" onClick={() => resumeAt(list)}>
            Resume
          </button>
          <span class="grow" />
          <span class="faint">
            <kbd>.</kbd> or scroll to the end
          </span>
        </Banner>
      )}
      {shown.length === 0 ? (
        <Nothing title="Nothing here fits.">
          <p class="soft">
            {plural(all.length, "record")} of other kinds arrived. What fits appears here as it
            comes.
          </p>
          <p>
            <Button onClick={clearFilters}>Take all filters away</Button>
          </p>
        </Nothing>
      ) : (
        <VirtualList
          class="live-list"
          label="Everything arriving, newest last"
          count={shown.length}
          key={String(compact.value)}
          rowHeight={compact.value ? TWO_LINES : ROW_HEIGHT}
          follow
          keyOf={(index) => shown[index]?.serial ?? index}
          handle={list}
          active={cursor === null ? undefined : `live-${cursor}`}
          onScroll={(_atStart, atEnd) => {
            if (!atEnd) pause("scroll");
            else if (paused.peek() === "scroll") resume();
          }}
          row={(index) => {
            const row = shown[index];
            return (
              row && (
                <LiveEntry
                  row={row}
                  first={!row.earlier && shown[index - 1]?.earlier === true}
                  selected={row.serial === cursor}
                />
              )
            );
          }}
        />
      )}
      <LiveFoot shown={shown.length} />
    </>
  );
}

/** Ten times a second the same thousands of rows are asked the same question. */
function remembering(match: (item: LiveItem) => boolean): (item: LiveItem) => boolean {
  const known = new WeakMap<LiveItem, boolean>();
  return (item) => {
    let answer = known.get(item);
    if (answer === undefined) {
      answer = match(item);
      known.set(item, answer);
    }
    return answer;
  };
}

function useLiveFilter(): LiveFilter {
  const [q, service, severity, show] = [
    param("q"),
    param("service"),
    param("severity"),
    param("show"),
  ];
  return useMemo(() => {
    const wanted = show.split(",");
    const kinds = LIVE_KINDS.filter((kind) => show === "" || wanted.includes(kind));
    return { q, service, severity, kinds: new Set(kinds) };
  }, [q, service, severity, show]);
}

function setKind(filter: LiveFilter, kind: LiveKind, on: boolean): void {
  const kinds = LIVE_KINDS.filter((each) => (each === kind ? on : filter.kinds.has(each)));
  adjust({ show: kinds.length === LIVE_KINDS.length ? null : kinds.join(",") || "none" });
}

function clearFilters(): void {
  adjust({ q: null, service: null, severity: null, show: null });
}

const KIND_LABEL: Record<LiveKind, string> = { logs: "Logs", spans: "Spans", agents: "Agents" };

function LiveTools({ filter, list }: { filter: LiveFilter; list: { current: ListHandle | null } }) {
  const services = useFetched("services", api.services);
  const seen = new Set(rows.value.map(({ item }) => item.service));
  for (const { name } of services.data ?? []) seen.add(name);
  const isPaused = paused.value !== "no";
  return (
    <div class="tools">
      <SearchBox
        value={filter.q}
        placeholder="Filter by words, key=value, code>=500"
        onChange={(q) => adjust({ q })}
      />
      {LIVE_KINDS.map((kind) => (
        <Toggle key={kind} on={filter.kinds.has(kind)} onChange={(on) => setKind(filter, kind, on)}>
          {KIND_LABEL[kind]}
        </Toggle>
      ))}
      <Select
        label="Service"
        value={filter.service}
        options={[
          { value: "", label: "All services" },
          ...[...seen].sort().map((name) => ({ value: name, label: name })),
        ]}
        onChange={(service) => adjust({ service })}
      />
      <Select
        label="Severity"
        value={filter.severity}
        options={[
          { value: "", label: "All levels" },
          ...LEVELS.map(({ level }) => ({ value: level, label: `${level} and above` })),
        ]}
        onChange={(severity) => adjust({ severity })}
      />
      <span class="grow" />
      <RateChart />
      <Button
        icon={isPaused ? "play" : "pause"}
        title="Pause or resume (.)"
        onClick={() => (isPaused ? resumeAt(list) : pause("hand"))}
      >
        {isPaused ? "Resume" : "Pause"}
      </Button>
      <Button onClick={clear} title="Empty this screen; nothing is deleted in the hub">
        Clear
      </Button>
    </div>
  );
}

function LiveFoot({ shown }: { shown: number }) {
  const notes = [];
  if (forgotten.value > 0) {
    notes.push(
      `${count(forgotten.value)} older rows left this screen; they are in Traces and Logs.`,
    );
  }
  if (skippedItems.value > 0) {
    notes.push(
      `${count(skippedItems.value)} were left out: more came than this page, or the feed, can take.`,
    );
  }
  return (
    <footer class="live-foot faint">
      <span>{plural(shown, "row")}</span>
      {notes.map((note) => (
        <span key={note}>{note}</span>
      ))}
    </footer>
  );
}

function resumeAt(list: { current: ListHandle | null }): void {
  resume();
  // After the rows that waited have been laid out.
  requestAnimationFrame(() => list.current?.toEnd());
}

function useLiveCommands(context: {
  shown: readonly LiveRow[];
  cursor: number | null;
  setCursor: (serial: number | null) => void;
  list: { current: ListHandle | null };
}): void {
  const { shown, cursor, setCursor, list } = context;
  const at = shown.findIndex(({ serial }) => serial === cursor);
  const move = (step: number) => {
    const index = at < 0 ? shown.length - 1 : Math.min(shown.length - 1, Math.max(0, at + step));
    const row = shown[index];
    if (!row) return;
    // Rows that move away under the cursor cannot be read.
    pause("hand");
    setCursor(row.serial);
    list.current?.reveal(index);
  };
  const current = shown[at];
  const back = () => {
    setCursor(null);
    resumeAt(list);
  };
  useCommands("Live", [
    {
      keys: ["."],
      label: "Pause or resume",
      run: () => (paused.peek() === "no" ? pause("hand") : back()),
    },
    { keys: ["j", "ArrowDown"], label: "Next row", run: () => move(1) },
    { keys: ["k", "ArrowUp"], label: "Previous row", run: () => move(-1) },
    {
      keys: ["Enter"],
      label: "Open the row in its trace",
      run: () => current && go(targetOf(current.item)),
    },
    { keys: ["End"], label: "To the newest row, and resume", run: back },
    { keys: ["Escape"], label: "Let the selection go", run: () => setCursor(null), quiet: true },
    { keys: ["x"], label: "Take all filters away", run: clearFilters },
  ]);
}
