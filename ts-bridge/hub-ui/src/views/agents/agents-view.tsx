/** Agents: the runs, newest first. */

import { useEffect, useRef, useState } from "preact/hooks";
import { api, type Run } from "../../api.ts";
import { second } from "../../clock.ts";
import { usePaged, useThrottled } from "../../fetching.ts";
import { useCommands } from "../../keys.ts";
import { listen } from "../../live.ts";
import { count, plural } from "../../model/attributes.ts";
import { formatDuration, formatFull, formatStart, toMillis } from "../../model/time.ts";
import { go, href } from "../../router.ts";
import { compact, TWO_LINES } from "../../ui/compact.ts";
import { Icon } from "../../ui/icons.tsx";
import { StateBadge, Tokens } from "../../ui/labels.tsx";
import { ListEnd } from "../../ui/list-end.tsx";
import { ErrorNote, Loading } from "../../ui/notes.tsx";
import { useTitle } from "../../ui/title.ts";
import { type ListHandle, VirtualList } from "../../ui/virtual-list.tsx";
import { SendFirst } from "../live/send-first.tsx";
import { useReconnected } from "../trace/use-trace.ts";
import { rememberRuns } from "./run-order.ts";
import "./agents.css";

const PAGE = 100;
const ROW_HEIGHT = 34;
const REFRESH_MS = 1000;

export function AgentsView() {
  useTitle("Agents");
  const page = usePaged<Run>(
    "runs",
    (cursor, signal) => api.runs({ limit: PAGE, cursor }, signal),
    (run) => run.run_id,
  );
  const soon = useThrottled(page.refresh, REFRESH_MS);
  useEffect(
    () =>
      listen((items) => {
        if (items.some((item) => item.t !== "log" && item.genai !== null)) soon();
      }),
    [],
  );
  useReconnected(page.refresh);
  const runs = page.rows;
  useEffect(() => rememberRuns(runs.map(({ run_id }) => run_id)), [runs]);
  const list = useRef<ListHandle | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  useRunCommands(runs, cursor, setCursor, list);

  if (page.error && runs.length === 0)
    return <ErrorNote error={page.error} onRetry={page.refresh} />;
  if (runs.length === 0) {
    return page.loading ? <Loading on /> : <SendFirst what="agent run" first="agents" />;
  }
  return (
    <>
      <Loading on={page.loading} />
      <div class="tools">
        <h1>Agent runs</h1>
        <span class="grow" />
        <span class="soft">
          {plural(runs.length, "run")}
          {page.hasMore ? " loaded" : ""}
        </span>
      </div>
      <div class="table-head run-grid" aria-hidden="true">
        <span>Start</span>
        <span>Run</span>
        <span>Agents</span>
        <span class="num">Duration</span>
        <span class="num">Model calls</span>
        <span class="num col-extra">Tool calls</span>
        <span class="num col-extra">Handoffs</span>
        <span class="num">Tokens</span>
        <span class="num">Errors</span>
        <span>State</span>
      </div>
      <VirtualList
        label="Agent runs"
        count={runs.length}
        key={String(compact.value)}
        rowHeight={compact.value ? TWO_LINES : ROW_HEIGHT}
        keyOf={(index) => runs[index]?.run_id ?? index}
        handle={list}
        active={cursor ? `run-${cursor}` : undefined}
        remember="runs"
        onNearEnd={page.more}
        row={(index) => {
          const run = runs[index];
          return run && <RunRow run={run} selected={run.run_id === cursor} now={second.value} />;
        }}
        footer={<ListEnd page={page} count={runs.length} noun="run" />}
      />
    </>
  );
}

function RunRow(props: { run: Run; selected: boolean; now: number }) {
  const { run, now } = props;
  const duration =
    run.state === "open"
      ? Math.max(0, (now - toMillis(run.start_time_unix_nano)) * 1e6)
      : (run.duration_nano ?? 0);
  return (
    <a
      id={`run-${run.run_id}`}
      class={props.selected ? "table-row run-grid is-selected" : "table-row run-grid"}
      tabIndex={-1}
      href={href(`/agents/${run.run_id}`)}
    >
      <span class="soft" title={formatFull(run.start_time_unix_nano)}>
        {formatStart(run.start_time_unix_nano, now)}
      </span>
      <span class="clip" title={run.name}>
        {run.name}
        {run.conversation && <span class="faint"> {run.conversation}</span>}
      </span>
      <span class="run-agents">
        {run.agents.map((agent) => (
          <span key={agent} class="chip">
            <Icon name="agent" />
            {agent}
          </span>
        ))}
      </span>
      <span class="num">{formatDuration(duration)}</span>
      <span class="num">{count(run.llm_calls)}</span>
      <span class="num col-extra">{count(run.tool_calls)}</span>
      <span class="num col-extra">{count(run.handoffs)}</span>
      <span class="num">
        {run.usage ? <Tokens usage={run.usage} /> : <span class="faint">–</span>}
      </span>
      <span class={run.error_count ? "num bad" : "num faint"}>{run.error_count || "–"}</span>
      <span>
        <StateBadge state={run.state} errors={run.error_count} />
      </span>
    </a>
  );
}

function useRunCommands(
  runs: readonly Run[],
  cursor: string | null,
  setCursor: (id: string | null) => void,
  list: { current: ListHandle | null },
): void {
  const at = runs.findIndex(({ run_id }) => run_id === cursor);
  const move = (step: number) => {
    const index = Math.min(runs.length - 1, Math.max(0, at + step));
    const run = runs[index];
    if (!run) return;
    setCursor(run.run_id);
    list.current?.reveal(index);
  };
  useCommands("Agents", [
    { keys: ["j", "ArrowDown"], label: "Next run", run: () => move(1) },
    { keys: ["k", "ArrowUp"], label: "Previous run", run: () => move(at < 0 ? 1 : -1) },
    { keys: ["Enter"], label: "Open the run", run: () => cursor && go(href(`/agents/${cursor}`)) },
  ]);
}
