/** One row of the Live screen: a log line, a span that begins, a span that ends. */

import type { LiveItem, Span } from "../../api.ts";
import { logText, summary } from "../../model/attributes.ts";
import type { LiveRow } from "../../model/live-buffer.ts";
import { levelOf } from "../../model/severity.ts";
import { formatClock, formatDuration, formatFull } from "../../model/time.ts";
import { href } from "../../router.ts";
import { ServiceName, SeverityTag, SpanIcon, sessionHues, Tokens } from "../../ui/labels.tsx";
import { timeOf } from "./stream.ts";

/** Where a row leads: to itself in its trace, or to the logs where it is of none. */
export function targetOf(item: LiveItem): string {
  if (item.t !== "log") return href(`/traces/${item.trace_id}`, { at: `s${item.span_id}` });
  if (item.trace_id !== null) return href(`/traces/${item.trace_id}`, { at: `l${item.id}` });
  return href("/logs", { log: item.id });
}

export function LiveEntry(props: {
  row: LiveRow;
  /** The first one that came after the page was opened. */
  first: boolean;
  selected: boolean;
}) {
  const { item } = props.row;
  const time = timeOf(item);
  const classes = ["live-row"];
  if (props.selected) classes.push("is-selected");
  if (props.first) classes.push("live-first");
  if (item.t === "start") classes.push("live-start");
  if (props.row.earlier) classes.push("live-earlier");
  return (
    <a
      id={`live-${props.row.serial}`}
      class={classes.join(" ")}
      tabIndex={-1}
      href={targetOf(item)}
    >
      <span class="faint" title={formatFull(time)}>
        {formatClock(time)}
      </span>
      <span class="live-service">
        <ServiceName name={item.service} />
      </span>
      {item.t === "log" ? <LogCells item={item} /> : <SpanCells item={item} />}
    </a>
  );
}

function LogCells({ item }: { item: LiveItem & { t: "log" } }) {
  const level = levelOf(item.severity_number);
  return (
    <>
      <span>
        <SeverityTag severity={item.severity_number} text={item.severity_text} />
      </span>
      <span class="clip">
        <span class={`log-text-${level}`}>{logText(item)}</span>
        {summary(item.attributes, 8).map(({ key, value }) => (
          <span key={key} class="pair">
            <span class="pair-key">{key}</span>={value}
          </span>
        ))}
      </span>
      <span />
    </>
  );
}

function SpanCells({ item }: { item: Span & { t: "start" | "span" } }) {
  const failed = item.status === "error";
  const begun = item.t === "start";
  return (
    <>
      <span
        class="live-kind"
        style={{ color: failed ? "var(--error)" : sessionHues.color(item.service) }}
      >
        <SpanIcon span={item} />
        <span class="live-verb faint">
          {begun ? "begins" : item.state === "lost" ? "lost" : "ended"}
        </span>
      </span>
      <span class="clip">
        <span class={failed ? "live-name bad" : "live-name"}>{item.name}</span>
        {failed && item.status_message && <span class="pair bad">{item.status_message}</span>}
        {item.genai && <AgentFacts span={item} />}
      </span>
      <span class="num soft">
        {begun || item.duration_nano === null ? "" : formatDuration(item.duration_nano)}
      </span>
    </>
  );
}

function AgentFacts({ span }: { span: Span }) {
  const { genai } = span;
  if (!genai) return null;
  const facts = [genai.kind === "agent" ? null : genai.agent, genai.target && `→ ${genai.target}`];
  return (
    <>
      {facts.filter(Boolean).map((fact) => (
        <span key={fact} class="pair">
          {fact}
        </span>
      ))}
      {genai.usage && (
        <span class="pair">
          <Tokens usage={genai.usage} /> tokens
        </span>
      )}
    </>
  );
}
