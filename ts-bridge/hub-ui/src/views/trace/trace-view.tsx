/** One trace: as a waterfall, as log lines, as a graph of agents, as JSON. */

import { useEffect, useMemo } from "preact/hooks";
import type { Trace } from "../../api.ts";
import { useNow } from "../../clock.ts";
import { useCommands } from "../../keys.ts";
import { hubNow } from "../../live.ts";
import { runFromSpans } from "../../model/agent-graph.ts";
import { count, plural } from "../../model/attributes.ts";
import { ServiceHues } from "../../model/service-hues.ts";
import { buildSpanTree, type SpanTree } from "../../model/span-tree.ts";
import {
  formatDuration,
  formatFull,
  formatStart,
  growingExtent,
  toMillis,
} from "../../model/time.ts";
import {
  readTraceUrl,
  type TraceTab,
  type TraceUrl,
  writeTraceUrl,
} from "../../model/trace-url.ts";
import { adjust, go, href, place } from "../../router.ts";
import { CopyButton, IconButton, type Tab, Tabs } from "../../ui/controls.tsx";
import { ServiceName, StateBadge } from "../../ui/labels.tsx";
import { ErrorNote, Loading } from "../../ui/notes.tsx";
import { Splitter } from "../../ui/splitter.tsx";
import { useStoredSize } from "../../ui/stored-size.ts";
import { useTitle } from "../../ui/title.ts";
import { copyAndSay } from "../../ui/toast.tsx";
import { LogTable } from "../logs/log-table.tsx";
import { findNeighbours, listAddress, neighbours } from "../traces/trace-order.ts";
import { AgentsTab } from "./agents-tab.tsx";
import { LogPanel, SpanPanel } from "./detail-panel.tsx";
import { JsonTab } from "./json-tab.tsx";
import { useTrace } from "./use-trace.ts";
import { Waterfall } from "./waterfall.tsx";
import "./trace.css";
import "./waterfall.css";
import "./bars.css";
import "./json.css";
import "./panel.css";
import "../agents/agents.css";

const PANEL_MIN = 300;
const PANEL_MAX = 900;

export function TraceView({ id }: { id: string }) {
  const { trace, error, loading, reload } = useTrace(id);
  const { query } = place.value;
  const url = useMemo(() => readTraceUrl(query), [query]);
  const change = (next: Partial<TraceUrl>) => adjust(writeTraceUrl(next));
  const tree = useMemo(
    () => buildSpanTree(trace?.spans ?? [], trace?.logs ?? []),
    [trace?.spans, trace?.logs],
  );
  const hues = useMemo(() => new ServiceHues(), [id]);
  useMemo(() => {
    for (const span of trace?.spans ?? []) hues.of(span.service);
  }, [trace?.spans]);
  useEffect(() => void findNeighbours(), []);
  useTitle(trace?.name ?? "Trace");
  useTraceCommands(id, url, change, tree, trace);

  if (trace === null) {
    if (!error) return <Loading on={loading} />;
    return (
      <ErrorNote error={error} onRetry={reload}>
        <p class="soft">If it is still on its way, it appears here as it arrives.</p>
        <p>
          <a href={listAddress()}>All traces</a>
        </p>
      </ErrorNote>
    );
  }
  return (
    <>
      <Loading on={loading} />
      <TraceHead trace={trace} tree={tree} hues={hues} />
      <TraceBody trace={trace} tree={tree} hues={hues} url={url} change={change} />
    </>
  );
}

interface BodyProps {
  trace: Trace;
  tree: SpanTree;
  hues: ServiceHues;
  url: TraceUrl;
  change: (change: Partial<TraceUrl>) => void;
}

function TraceBody({ trace, tree, hues, url, change }: BodyProps) {
  const run = useMemo(() => runFromSpans(trace.trace_id, trace.spans), [trace]);
  const tabs: Tab[] = [
    { id: "waterfall", label: "Waterfall" },
    { id: "logs", label: "Logs", count: trace.log_count },
    { id: "agents", label: "Agents", count: run?.agents.length || undefined },
    { id: "json", label: "JSON" },
  ];
  return (
    <>
      <div class="trace-tabs">
        <Tabs tabs={tabs} current={url.tab} onChange={(tab) => change({ tab: tab as TraceTab })} />
      </div>
      <Notices trace={trace} tree={tree} />
      {url.tab === "waterfall" && (
        <WaterfallTab trace={trace} tree={tree} hues={hues} url={url} change={change} />
      )}
      {url.tab === "logs" && (
        <LogTable
          logs={trace.logs}
          hues={hues}
          resources={trace.resources}
          base={tree.base}
          open={url.at?.startsWith("l") ? url.at.slice(1) : null}
          onOpen={(logId) => change({ at: logId && `l${logId}` })}
          onShowInTrace={(log) => change({ tab: "waterfall", at: `l${log.id}` })}
          empty="No log lines in this trace."
        />
      )}
      {url.tab === "agents" && (
        <AgentsTab
          trace={trace}
          local={run}
          hues={hues}
          onSelect={(key) => change({ tab: "waterfall", at: key })}
        />
      )}
      {url.tab === "json" && (
        <JsonTab traceId={trace.trace_id} version={trace.span_count + trace.log_count} />
      )}
    </>
  );
}

function WaterfallTab({ trace, tree, hues, url, change }: BodyProps) {
  const [panelWidth, setPanelWidth] = useStoredSize("trace-panel", 420);
  const running = trace.state === "open";
  useNow(running);
  const now = (hubNow() - toMillis(tree.base)) * 1e6;
  const extent = Math.max(1, running ? growingExtent(Math.max(now, tree.extent)) : tree.extent);
  const node = url.at?.startsWith("s") ? tree.byId.get(url.at.slice(1)) : undefined;
  const log = url.at?.startsWith("l")
    ? trace.logs.find(({ id }) => `l${id}` === url.at)
    : undefined;
  const shared = { trace, tree, hues, now, onSelect: (at: string | null) => change({ at }) };
  return (
    <div class="trace-split" style={{ "--panel": `${panelWidth}px` }}>
      <Waterfall tree={tree} hues={hues} url={url} change={change} extent={extent} now={now} />
      {(node || log) && (
        <Splitter
          label="Width of the details"
          size={panelWidth}
          min={PANEL_MIN}
          max={PANEL_MAX}
          reversed
          onChange={setPanelWidth}
        />
      )}
      {node && <SpanPanel key={url.at} node={node} {...shared} />}
      {log && <LogPanel key={url.at} log={log} {...shared} />}
    </div>
  );
}

function TraceHead({ trace, tree, hues }: { trace: Trace; tree: SpanTree; hues: ServiceHues }) {
  const running = trace.state === "open";
  const [newer, older] = neighbours(trace.trace_id);
  const now = useNow(running);
  const elapsed = Math.max(0, (now - toMillis(trace.start_time_unix_nano)) * 1e6);
  // In the order of their colours, which is that of the waterfall from top to bottom.
  const services = [...trace.services].sort((a, b) => hues.of(a.name) - hues.of(b.name));
  return (
    <header class="page-head">
      <div class="page-line">
        <a class="crumb" href={listAddress()}>
          Traces
        </a>
        <span class="faint">/</span>
        <h1 class="clip">{trace.name}</h1>
        <StateBadge state={trace.state} errors={trace.error_count} />
        <span class="grow" />
        <code class="faint trace-id" title={trace.trace_id}>
          {trace.trace_id}
        </code>
        <CopyButton label="Copy the trace id" text={() => trace.trace_id} />
        <IconButton
          icon="left"
          label="Newer trace ([)"
          disabled={!newer}
          onClick={() => newer && go(href(`/traces/${newer}`))}
        />
        <IconButton
          icon="right"
          label="Older trace (])"
          disabled={!older}
          onClick={() => older && go(href(`/traces/${older}`))}
        />
      </div>
      <div class="page-line page-facts">
        <span title={formatFull(trace.start_time_unix_nano)}>
          {formatStart(trace.start_time_unix_nano, hubNow())}
        </span>
        <span>
          <b>{formatDuration(running ? elapsed : trace.duration_nano)}</b>
        </span>
        <span>{plural(trace.span_count, "span")}</span>
        <span class={trace.error_count ? "bad" : ""}>{plural(trace.error_count, "error")}</span>
        <span>{plural(trace.log_count, "log line")}</span>
        <span>{plural(tree.depth + 1, "level")}</span>
        <span class="legend">
          {services.map(({ name, span_count }) => (
            <button
              key={name}
              type="button"
              class="legend-item"
              title={`Find what ${name} did`}
              onClick={() => adjust({ q: name, tab: null })}
            >
              <ServiceName name={name} hues={hues} />
              <span class="faint">{count(span_count)}</span>
            </button>
          ))}
        </span>
      </div>
    </header>
  );
}

function Notices({ trace, tree }: { trace: Trace; tree: SpanTree }) {
  const orphans = tree.roots.filter(({ broken }) => broken === "orphan").length;
  const loops = tree.roots.filter(({ broken }) => broken === "cycle").length;
  const notices = [];
  if (trace.truncated) {
    notices.push("Only the first 10,000 spans and log lines are shown; the JSON tab has them all.");
  }
  if (orphans > 0) {
    notices.push(
      `${plural(orphans, "span")} name a parent that has not arrived: they stand at the top until it does.`,
    );
  }
  if (loops > 0) {
    notices.push(
      `${plural(loops, "span")} are their own ancestors; the loop is cut at the earliest of them.`,
    );
  }
  return (
    <>
      {notices.map((text) => (
        <p key={text} class="notice" role="status">
          {text}
        </p>
      ))}
    </>
  );
}

function useTraceCommands(
  id: string,
  url: TraceUrl,
  change: (change: Partial<TraceUrl>) => void,
  tree: SpanTree,
  trace: Trace | null,
): void {
  const [newer, older] = neighbours(id);
  const tabs: TraceTab[] = ["waterfall", "logs", "agents", "json"];
  useCommands("Trace", [
    {
      keys: ["Escape"],
      label: "Close the details; then back to the list",
      run: () => (url.at === null ? go(listAddress()) : change({ at: null })),
    },
    { keys: ["["], label: "Newer trace", run: () => newer && go(href(`/traces/${newer}`)) },
    { keys: ["]"], label: "Older trace", run: () => older && go(href(`/traces/${older}`)) },
    {
      keys: ["c"],
      label: "Copy the selected row as JSON",
      run: () => {
        const node = url.at && tree.byId.get(url.at.slice(1));
        const log = trace?.logs.find((each) => `l${each.id}` === url.at);
        const chosen = node ? node.span : log;
        if (chosen) void copyAndSay(JSON.stringify(chosen, null, 2), "JSON");
      },
    },
    ...tabs.map((tab, index) => ({
      keys: [String(index + 1)],
      label: `Show ${tab === "json" ? "JSON" : tab}`,
      run: () => change({ tab }),
    })),
  ]);
}
