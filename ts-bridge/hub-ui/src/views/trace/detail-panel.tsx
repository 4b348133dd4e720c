/** The panel beside the waterfall: everything that is known about one span or log line. */

import type { ComponentChildren } from "preact";
import type { Attributes, Log, SpanEvent, SpanLink, Trace } from "../../api.ts";
import { logText, pretty } from "../../model/attributes.ts";
import { MESSAGE_ATTRIBUTES, messagesOf } from "../../model/messages.ts";
import type { ServiceHues } from "../../model/service-hues.ts";
import { type SpanNode, type SpanTree, selfTime } from "../../model/span-tree.ts";
import { formatDuration, formatFull, offsetNano } from "../../model/time.ts";
import { href } from "../../router.ts";
import { AttributeTable } from "../../ui/attribute-table.tsx";
import { CopyButton, IconButton } from "../../ui/controls.tsx";
import { ServiceName, SeverityTag, SpanIcon, Tokens } from "../../ui/labels.tsx";
import { MessageList } from "./message-list.tsx";

interface PanelProps {
  trace: Trace;
  tree: SpanTree;
  hues: ServiceHues;
  now: number;
  onSelect: (key: string | null) => void;
}

export function SpanPanel({ node, ...props }: PanelProps & { node: SpanNode }) {
  const { trace, hues, now } = props;
  const { span } = node;
  const messages = messagesOf(span);
  const resource = span.resource === undefined ? undefined : trace.resources[span.resource];
  return (
    <Panel
      label={`Span ${span.name}`}
      title={
        <>
          <span
            class="hue-icon"
            style={{ color: span.status === "error" ? "var(--error)" : hues.color(span.service) }}
          >
            <SpanIcon span={span} />
          </span>
          <h2 class="panel-title">{span.name}</h2>
        </>
      }
      copy={() => JSON.stringify(span, null, 2)}
      onClose={() => props.onSelect(null)}
    >
      {span.status === "error" && (
        <p class="panel-error">
          {span.status_message || "The span ended with an error and no message."}
        </p>
      )}
      <dl class="facts">
        <Fact name="Service">
          <ServiceName name={span.service} hues={hues} />
        </Fact>
        <Fact name="Duration">{durationText(node, now)}</Fact>
        <Fact name="Self time">{formatDuration(selfTime(node, now))}</Fact>
        <Fact name="Starts at">+{formatDuration(node.start)}</Fact>
        <Fact name="Kind">{span.genai ? `${span.kind}, ${span.genai.kind}` : span.kind}</Fact>
        <Fact name="Status">{span.state === "ended" ? span.status : span.state}</Fact>
        {span.genai && <GenAIFacts node={node} />}
        <Fact name="Time" wide>
          <span class="mono">{formatFull(span.start_time_unix_nano)}</span>
        </Fact>
        <Fact name="Span id" wide>
          <span class="mono">{span.span_id}</span>
          <CopyButton label="Copy the span id" text={() => span.span_id} />
        </Fact>
      </dl>
      {span.genai?.lossy && span.genai.lossy.length > 0 && (
        <p class="panel-note">Not understood: {span.genai.lossy.join("; ")}.</p>
      )}
      {messages.length > 0 && (
        <Section title="Messages" count={messages.length}>
          <MessageList messages={messages} />
        </Section>
      )}
      {span.events.length > 0 && (
        <Section title="Events" count={span.events.length}>
          {span.events.map((event, index) => (
            <EventEntry key={index} event={event} since={span.start_time_unix_nano} />
          ))}
        </Section>
      )}
      <Section title="Attributes" count={Object.keys(span.attributes).length}>
        <AttributeTable attributes={span.attributes} without={MESSAGE_ATTRIBUTES} />
      </Section>
      {node.logs.length > 0 && (
        <Section title="Log lines" count={node.logs.length}>
          {node.logs.map((log) => (
            <button
              key={log.id}
              type="button"
              class="panel-log"
              onClick={() => props.onSelect(`l${log.id}`)}
            >
              <SeverityTag severity={log.severity_number} text={log.severity_text} />
              <span class="clip">{logText(log)}</span>
            </button>
          ))}
        </Section>
      )}
      {span.links.length > 0 && (
        <Section title="Links" count={span.links.length}>
          {span.links.map((link) => (
            <LinkEntry key={link.span_id} link={link} {...props} />
          ))}
        </Section>
      )}
      {resource && <ResourceSection attributes={resource.attributes} />}
      <Section title="Scope">
        <p class="pad mono">
          {span.scope.name || "(unnamed)"} {span.scope.version}
        </p>
      </Section>
    </Panel>
  );
}

function durationText(node: SpanNode, now: number): ComponentChildren {
  if (node.span.state === "lost") return "never ended: its process is gone";
  if (node.end !== null) return formatDuration(node.end - node.start);
  return <>{formatDuration(Math.max(0, now - node.start))} and running</>;
}

function GenAIFacts({ node }: { node: SpanNode }) {
  const { genai } = node.span;
  if (!genai) return null;
  return (
    <>
      {genai.agent && <Fact name="Agent">{genai.agent}</Fact>}
      {genai.target && <Fact name="Hands to">{genai.target}</Fact>}
      {genai.tool && <Fact name="Tool">{genai.tool}</Fact>}
      {genai.model && (
        <Fact name="Model">
          <span class="clip" title={genai.model}>
            {genai.model}
          </span>
        </Fact>
      )}
      {genai.provider && <Fact name="Provider">{genai.provider}</Fact>}
      {genai.usage && (
        <Fact name="Tokens">
          <Tokens usage={genai.usage} />
        </Fact>
      )}
      {genai.conversation && <Fact name="Conversation">{genai.conversation}</Fact>}
      {genai.source && <Fact name="Convention">{genai.source}</Fact>}
    </>
  );
}

export function LogPanel({ log, ...props }: PanelProps & { log: Log }) {
  const { trace, tree, hues } = props;
  const node = log.span_id === null ? undefined : tree.byId.get(log.span_id);
  const resource = typeof log.resource === "number" ? trace.resources[log.resource] : undefined;
  return (
    <Panel
      label="Log line"
      title={
        <>
          <SeverityTag severity={log.severity_number} text={log.severity_text} />
          <h2 class="panel-title">Log line</h2>
        </>
      }
      copy={() => JSON.stringify(log, null, 2)}
      onClose={() => props.onSelect(null)}
    >
      <pre class="panel-body">{log.body === null ? log.event_name : pretty(log.body)}</pre>
      <dl class="facts">
        <Fact name="Service">
          <ServiceName name={log.service} hues={hues} />
        </Fact>
        <Fact name="At">+{formatDuration(offsetNano(log.time_unix_nano, tree.base))}</Fact>
        <Fact name="Severity">
          {log.severity_text || "not said"} ({log.severity_number})
        </Fact>
        <Fact name="Logger">{log.scope.name || "(unnamed)"}</Fact>
        {log.event_name && <Fact name="Event">{log.event_name}</Fact>}
        <Fact name="Time" wide>
          <span class="mono">{formatFull(log.time_unix_nano)}</span>
        </Fact>
        {node && (
          <Fact name="In span" wide>
            <button
              type="button"
              class="text-button link-button clip"
              onClick={() => props.onSelect(`s${node.span.span_id}`)}
            >
              {node.span.name}
            </button>
          </Fact>
        )}
      </dl>
      <Section title="Attributes" count={Object.keys(log.attributes).length}>
        <AttributeTable attributes={log.attributes} />
      </Section>
      {resource && <ResourceSection attributes={resource.attributes} />}
    </Panel>
  );
}

function Panel(props: {
  label: string;
  title: ComponentChildren;
  copy: () => string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  return (
    <aside class="panel" aria-label={props.label}>
      <header class="panel-head">
        {props.title}
        <span class="grow" />
        <CopyButton label="Copy as JSON (c)" text={props.copy} />
        <IconButton icon="close" label="Close (Esc)" onClick={props.onClose} />
      </header>
      <div class="panel-scroll">{props.children}</div>
    </aside>
  );
}

function Fact(props: { name: string; children: ComponentChildren; wide?: boolean }) {
  return (
    <div class={props.wide ? "fact fact-wide" : "fact"}>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

function Section(props: { title: string; count?: number; children: ComponentChildren }) {
  return (
    <details class="section" open>
      <summary>
        {props.title}
        {props.count !== undefined && <span class="tab-count">{props.count}</span>}
      </summary>
      {props.children}
    </details>
  );
}

function ResourceSection({ attributes }: { attributes: Attributes }) {
  return (
    <Section title="Resource" count={Object.keys(attributes).length}>
      <AttributeTable attributes={attributes} />
    </Section>
  );
}

const EXCEPTION_TEXT = new Set(["exception.type", "exception.message", "exception.stacktrace"]);

function EventEntry({ event, since }: { event: SpanEvent; since: string }) {
  const { attributes } = event;
  const isException = event.name === "exception";
  const rest = Object.keys(attributes).some((key) => !(isException && EXCEPTION_TEXT.has(key)));
  return (
    <div class="entry">
      <p class="entry-head">
        <span class={isException ? "bad" : ""}>
          {isException ? String(attributes["exception.type"] ?? "exception") : event.name}
        </span>
        <span class="faint">+{formatDuration(offsetNano(event.time_unix_nano, since))}</span>
      </p>
      {isException && <p class="pad">{String(attributes["exception.message"] ?? "")}</p>}
      {isException && attributes["exception.stacktrace"] && (
        <pre class="stack">{String(attributes["exception.stacktrace"])}</pre>
      )}
      {rest && (
        <AttributeTable
          attributes={attributes}
          {...(isException ? { without: EXCEPTION_TEXT } : {})}
        />
      )}
    </div>
  );
}

function LinkEntry({ link, trace, tree, onSelect }: PanelProps & { link: SpanLink }) {
  const type = link.attributes["otbridge.link.type"];
  const own = link.trace_id === trace.trace_id;
  const target = own ? tree.byId.get(link.span_id) : undefined;
  return (
    <p class="pad link-entry">
      {type && <span class="chip">{String(type)}</span>}
      {target ? (
        <button
          type="button"
          class="text-button link-button clip"
          onClick={() => onSelect(`s${link.span_id}`)}
        >
          {target.span.name}
        </button>
      ) : (
        <a class="mono clip" href={href(`/traces/${link.trace_id}`, { at: `s${link.span_id}` })}>
          {own ? `span ${link.span_id} (not here)` : `trace ${link.trace_id}`}
        </a>
      )}
    </p>
  );
}
