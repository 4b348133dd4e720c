/** One agent run, which may reach over several traces. */

import { useEffect, useMemo } from "preact/hooks";
import { api } from "../../api.ts";
import { second } from "../../clock.ts";
import { useFetched, useThrottled } from "../../fetching.ts";
import { useCommands } from "../../keys.ts";
import { listen } from "../../live.ts";
import { plural } from "../../model/attributes.ts";
import { ServiceHues } from "../../model/service-hues.ts";
import { formatDuration, formatFull, formatStart, toMillis } from "../../model/time.ts";
import { go, href } from "../../router.ts";
import { IconButton } from "../../ui/controls.tsx";
import { StateBadge, Tokens } from "../../ui/labels.tsx";
import { ErrorNote, Loading } from "../../ui/notes.tsx";
import { useTitle } from "../../ui/title.ts";
import { useReconnected } from "../trace/use-trace.ts";
import { neighbourRuns } from "./run-order.ts";
import { RunParts } from "./run-parts.tsx";
import "./agents.css";

const REFRESH_MS = 700;

export function RunView({ id }: { id: string }) {
  const {
    data: run,
    error,
    loading,
    reload,
  } = useFetched(`run ${id}`, (signal) => api.run(id, signal));
  useTitle(run?.name ?? "Run");
  const hues = useMemo(() => new ServiceHues(), [id]);
  const soon = useThrottled(reload, REFRESH_MS);
  const traceIds = run?.trace_ids;
  useEffect(
    () =>
      listen((items) => {
        if (items.some((item) => item.trace_id !== null && traceIds?.includes(item.trace_id)))
          soon();
      }),
    [traceIds],
  );
  useReconnected(reload);
  const [newer, older] = neighbourRuns(id);
  useCommands("Run", [
    { keys: ["Escape"], label: "Back to the runs", run: () => go("/agents") },
    { keys: ["["], label: "Newer run", run: () => newer && go(href(`/agents/${newer}`)) },
    { keys: ["]"], label: "Older run", run: () => older && go(href(`/agents/${older}`)) },
    {
      keys: ["t", "Enter"],
      label: "Open the run's trace",
      run: () => traceIds?.[0] && go(href(`/traces/${traceIds[0]}`)),
    },
  ]);
  if (run === null) {
    return error ? <ErrorNote error={error} onRetry={reload} /> : <Loading on={loading} />;
  }
  for (const step of run.steps) hues.of(step.service);
  const running = run.state === "open";
  const duration = running
    ? Math.max(0, (second.value - toMillis(run.start_time_unix_nano)) * 1e6)
    : (run.duration_nano ?? 0);
  return (
    <>
      <Loading on={loading} />
      <header class="page-head run-head">
        <div class="page-line">
          <a class="crumb" href="/agents">
            Agents
          </a>
          <span class="faint">/</span>
          <h1 class="clip">{run.name}</h1>
          <StateBadge state={run.state} errors={run.error_count} />
          <span class="grow" />
          <IconButton
            icon="left"
            label="Newer run ([)"
            disabled={!newer}
            onClick={() => newer && go(href(`/agents/${newer}`))}
          />
          <IconButton
            icon="right"
            label="Older run (])"
            disabled={!older}
            onClick={() => older && go(href(`/agents/${older}`))}
          />
        </div>
        <div class="page-line page-facts">
          <span title={formatFull(run.start_time_unix_nano)}>
            {formatStart(run.start_time_unix_nano, second.value)}
          </span>
          <b>{formatDuration(duration)}</b>
          <span>{plural(run.agents.length, "agent")}</span>
          <span>{plural(run.llm_calls, "model call")}</span>
          <span>{plural(run.tool_calls, "tool call")}</span>
          <span>{plural(run.handoffs, "handoff")}</span>
          <span class={run.error_count ? "bad" : ""}>{plural(run.error_count, "error")}</span>
          {run.usage && (
            <span>
              <Tokens usage={run.usage} /> tokens
            </span>
          )}
          {run.conversation && <span>conversation {run.conversation}</span>}
          <span class="legend">
            {run.trace_ids.map((traceId, index) => (
              <a key={traceId} href={href(`/traces/${traceId}`)}>
                {run.trace_ids.length === 1 ? "Open its trace" : `Trace ${index + 1}`}
              </a>
            ))}
          </span>
        </div>
      </header>
      <div class="scroll">
        <RunParts
          run={run}
          hues={hues}
          onSpans={(ids) => {
            const step = run.steps.find(({ span_id }) => span_id === ids[0]);
            if (step) go(href(`/traces/${step.trace_id}`, { at: `s${step.span_id}` }));
          }}
        />
      </div>
    </>
  );
}
