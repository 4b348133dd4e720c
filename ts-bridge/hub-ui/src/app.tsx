/** The frame around every screen, and which screen an address means. */

import type { CommandGroup } from "./keys.ts";
import { feedStatus, reconnectNow } from "./live.ts";
import { go, segments, settleAddress } from "./router.ts";
import { focusSearch } from "./ui/controls.tsx";
import { HelpSheet, helpOpen } from "./ui/help-sheet.tsx";
import { lazyView } from "./ui/lazy-view.tsx";
import { Banner, Nothing } from "./ui/notes.tsx";
import { copyAndSay, Toast } from "./ui/toast.tsx";
import { TopBar } from "./ui/top-bar.tsx";
import { LiveView } from "./views/live/live-view.tsx";

// Fetched when first shown, or when the page has nothing better to do: see ui/lazy-view.tsx.
const TracesView = lazyView(
  async () => (await import("./views/traces/traces-view.tsx")).TracesView,
);
const TraceView = lazyView(async () => (await import("./views/trace/trace-view.tsx")).TraceView);
const LogsView = lazyView(async () => (await import("./views/logs/logs-view.tsx")).LogsView);
const AgentsView = lazyView(
  async () => (await import("./views/agents/agents-view.tsx")).AgentsView,
);
const ServicesView = lazyView(
  async () => (await import("./views/services/services-view.tsx")).ServicesView,
);
const SessionsView = lazyView(
  async () => (await import("./views/sessions/sessions-view.tsx")).SessionsView,
);
const MetricsView = lazyView(
  async () => (await import("./views/metrics/metrics-view.tsx")).MetricsView,
);
const MetricView = lazyView(
  async () => (await import("./views/metrics/metric-view.tsx")).MetricView,
);
const RunView = lazyView(async () => (await import("./views/agents/run-view.tsx")).RunView);

export const everywhere: CommandGroup = {
  title: "Everywhere",
  commands: [
    { keys: ["g l"], label: "Go to Live", run: () => go("/") },
    { keys: ["g t"], label: "Go to Traces", run: () => go("/traces") },
    { keys: ["g o"], label: "Go to Logs", run: () => go("/logs") },
    { keys: ["g s"], label: "Go to Services", run: () => go("/services") },
    { keys: ["g m"], label: "Go to Metrics", run: () => go("/metrics") },
    { keys: ["g e"], label: "Go to Sessions", run: () => go("/sessions") },
    { keys: ["g a"], label: "Go to Agents", run: () => go("/agents") },
    { keys: ["/"], label: "Search", run: focusSearch },
    {
      keys: ["y"],
      label: "Copy a link to this view",
      run: () => {
        settleAddress();
        void copyAndSay(location.href, "Link");
      },
    },
    {
      keys: ["?"],
      label: "Show or hide this sheet",
      run: () => {
        helpOpen.value = !helpOpen.value;
      },
    },
  ],
};

export function App() {
  return (
    <>
      <TopBar />
      {feedStatus.value === "lost" && (
        <Banner kind="lost">
          The hub does not answer. What is shown may be out of date; this page reconnects by itself.
          <button type="button" class="text-button" onClick={reconnectNow}>
            Connect now
          </button>
        </Banner>
      )}
      <main class="screen">
        <Screen />
      </main>
      <HelpSheet />
      <Toast />
    </>
  );
}

function Screen() {
  const [screen, id, ...more] = segments.value;
  // Names of metrics may have slashes in them.
  const name = [id, ...more].join("/");
  switch (screen) {
    case undefined:
      return <LiveView />;
    case "traces":
      return id === undefined ? <TracesView /> : <TraceView key={id} id={id} />;
    case "logs":
      return <LogsView />;
    case "services":
      return <ServicesView />;
    case "sessions":
      return <SessionsView />;
    case "metrics":
      return id === undefined ? <MetricsView /> : <MetricView key={name} name={name} />;
    case "agents":
      return id === undefined ? <AgentsView /> : <RunView key={id} id={id} />;
    default:
      return (
        <Nothing title="There is no such page.">
          <p>
            Go to <a href="/">everything live</a>, <a href="/traces">traces</a>,{" "}
            <a href="/logs">logs</a>, <a href="/services">services</a> or{" "}
            <a href="/agents">agents</a>.
          </p>
        </Nothing>
      );
  }
}
