/** One trace in the list. */

import type { TraceSummary } from "../../api.ts";
import { count, short } from "../../model/attributes.ts";
import { formatAgo, formatDuration, formatFull, formatStart, toMillis } from "../../model/time.ts";
import { href } from "../../router.ts";
import { Icon } from "../../ui/icons.tsx";
import { ServiceName, StateBadge, sessionHues, spanIcon, Tokens } from "../../ui/labels.tsx";

/**
 * The duration that fills the bar: nineteen of twenty traces are shorter. With the longest instead,
 * one night job would make everything else a dot.
 */
export function fullBar(traces: readonly TraceSummary[]): number {
  const durations = traces.map((trace) => trace.duration_nano).sort((a, b) => a - b);
  return Math.max(1, durations[Math.floor((durations.length - 1) * 0.95)] ?? 1);
}

/** Service chips beyond this many are a number. */
const SERVICES_SHOWN = 3;

export function TraceRow(props: {
  trace: TraceSummary;
  full: number;
  /** Unix milliseconds. */
  now: number;
  selected: boolean;
}) {
  const { trace, now } = props;
  const running = trace.state === "open";
  const started = toMillis(trace.start_time_unix_nano);
  const duration = running ? Math.max(0, (now - started) * 1e6) : trace.duration_nano;
  const rootService = trace.root?.service ?? trace.services[0]?.name ?? "";
  const icon = trace.root
    ? spanIcon({ ...trace.root, genai: null, attributes: {} })
    : "unspecified";
  return (
    <a
      id={`trace-${trace.trace_id}`}
      class={props.selected ? "table-row trace-grid is-selected" : "table-row trace-grid"}
      tabIndex={-1}
      href={href(`/traces/${trace.trace_id}`)}
    >
      <span
        class="soft"
        title={`${formatFull(trace.start_time_unix_nano)}, ${formatAgo(started, now)}`}
      >
        {formatStart(trace.start_time_unix_nano, now)}
      </span>
      <span class="trace-name">
        <span
          class="hue-icon"
          style={{ color: sessionHues.color(rootService) }}
          title={rootService}
        >
          <Icon name={icon} />
        </span>
        <span class="clip" title={trace.name}>
          {trace.name || "(no name)"}
        </span>
        {!trace.root && (
          <span class="mark-note" title="The trace's first span has not arrived yet">
            root missing
          </span>
        )}
        {trace.agents.length > 0 && (
          <span class="chip trace-agents" title={`Agents: ${trace.agents.join(", ")}`}>
            <Icon name="agent" />
            {trace.agents.length > 2 ? trace.agents.length : trace.agents.join(", ")}
          </span>
        )}
      </span>
      <span class="trace-services col-services">
        {trace.services.slice(0, SERVICES_SHOWN).map(({ name }) => (
          <ServiceName key={name} name={name} />
        ))}
        {trace.services.length > SERVICES_SHOWN && (
          <span
            class="faint"
            title={trace.services
              .slice(SERVICES_SHOWN)
              .map(({ name }) => name)
              .join(", ")}
          >
            +{trace.services.length - SERVICES_SHOWN}
          </span>
        )}
      </span>
      <span class="trace-duration">
        <span class="length">
          <span
            class={`length-bar${running ? " bar-open" : ""}${duration > props.full && !running ? " length-over" : ""}`}
            style={{ width: `${Math.min(1, duration / props.full) * 100}%` }}
          />
        </span>
        <span class="length-text">{formatDuration(duration)}</span>
      </span>
      <span class="num">{count(trace.span_count)}</span>
      <span class={trace.error_count ? "num bad" : "num faint"}>
        {trace.error_count ? count(trace.error_count) : "–"}
      </span>
      <span class={trace.log_count ? "num" : "num faint"}>
        {trace.log_count ? short(trace.log_count) : "–"}
      </span>
      <span class="num soft col-tokens">
        {trace.usage ? <Tokens usage={trace.usage} /> : <span class="faint">–</span>}
      </span>
      <span>
        <StateBadge state={trace.state} errors={trace.error_count} />
      </span>
    </a>
  );
}
