/** The agents of this trace, as the hub has stitched their run together. */

import type { RunDetail, Trace } from "../../api.ts";
import { api } from "../../api.ts";
import { useFetched } from "../../fetching.ts";
import type { ServiceHues } from "../../model/service-hues.ts";
import { ErrorNote, Nothing } from "../../ui/notes.tsx";
import { RunParts } from "../agents/run-parts.tsx";

export function AgentsTab(props: {
  trace: Trace;
  /** The run from the spans at hand: shown until the hub has its own. */
  local: RunDetail | null;
  hues: ServiceHues;
  onSelect: (key: string) => void;
}) {
  const { trace, local, hues } = props;
  // While the trace runs, the spans at hand are ahead of the hub's answer.
  const settled = trace.state !== "open" && local !== null;
  const { data, error, reload } = useFetched(
    settled ? `${trace.trace_id} ${trace.span_count}` : null,
    async (signal) => {
      const page = await api.runs({ trace_id: trace.trace_id, limit: 1 }, signal);
      const run = page.rows[0];
      return run ? api.run(run.run_id, signal) : null;
    },
  );
  const run = (settled ? data : null) ?? local;
  if (run === null) {
    if (error) return <ErrorNote error={error} onRetry={reload} />;
    return (
      <Nothing title="No agents in this trace.">
        <p class="soft">
          Spans of agents, models and tools are recognised by the GenAI conventions; with otbridge:
        </p>
        <pre class="snippet">{'with agents.agent("planner"):\n    ...'}</pre>
      </Nothing>
    );
  }
  return (
    <div class="scroll">
      <RunParts
        run={run}
        hues={hues}
        onSpans={(ids) => {
          if (ids[0]) props.onSelect(`s${ids[0]}`);
        }}
      />
    </div>
  );
}
